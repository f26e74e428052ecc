//! What a node is sent of a bundle.

use crate::edge::bundles::Sent;
use crate::logic::release::Digest;
use crate::role::swarmctl::app::App;

/// What is sent of `whole` to a node that has the release `base`: all of it where the master has not
/// kept that.
pub(super) async fn sent(app: &App, whole: &Sent, base: Option<Digest>) -> Sent {
    let known = base.and_then(|base| {
        app.hosts().bundle_of(base).unwrap_or_else(|error| {
            tracing::error!(%error, "cannot tell in which bundle a release came");
            None
        })
    });
    let base = known.and_then(|known| app.rolling.bundles.whole(known));
    on(app, whole, base.as_ref()).await
}

/// What is sent of `whole` to a node that has what is in the bundle `base`.
pub(super) async fn on(app: &App, whole: &Sent, base: Option<&Sent>) -> Sent {
    let sent = app.rolling.parcels.sent(whole, base).await;
    sent.unwrap_or_else(|error| {
        let error = format!("{:#}", anyhow::Error::from(error));
        tracing::warn!(error, "cannot make a parcel: the whole bundle is sent");
        whole.clone()
    })
}
