//! Requests that are none, and uploads that are not what they were.

use axum::body::{Body, Bytes};
use axum::http::{Request, header};
use decnet::logic::release::Digest;
use decnet_tests::forged::{FILES, manifest, release};
use decnet_tests::pushes::{opening, request};
use futures_util::{StreamExt as _, stream};

use super::{Scene, Trace};

/// Forms whose fields are too many, too long or in another order. Nothing is attempted.
pub(super) fn refused(scene: &mut Scene) {
    let good = scene.forge.bundle(release(manifest(6)).bytes(), &FILES);
    let sum = Digest::of(&good).to_string();
    let (sum, file) = (("sha256", sum.as_bytes()), ("tarball", &good[..]));
    let sure = ("confirm_self", &b"true"[..]);
    let long = ("attempt", &[b'x'; 300][..]);
    let name = "x".repeat(4_000);
    for (route, fields, status, why) in [
        ("update", &[file, sum][..], 400, "sha256: it must come first"),
        ("update", &[sum, file, ("attempt", b"late")], 400, "`attempt` comes after the tarball"),
        ("update", &[sum, sum, file], 400, "`sha256` comes twice"),
        ("update", &[("attempt", b"a"), ("attempt", b"b")], 400, "`attempt` comes twice"),
        ("update-self", &[sum, sure, sure, file], 400, "`confirm_self` comes twice"),
        ("update-self", &[sum, file], 400, "confirm_self: it must be `true`"),
        ("update", &[long], 400, "attempt: it has more than 256 bytes"),
        ("update", &[(&name, b"")], 400, "is no field of an update"),
        ("update", &[("sha256", b"xyz"), file], 400, "sha256: "),
        ("update", &[sum], 400, "tarball: it is missing"),
        ("update", &[sum, ("attempt", b"../x"), file], 400, "attempt: "),
        ("update", &[sum, ("attempt", b"five"), file], 409, "`five` has ended already"),
        ("update", &[], 400, "sha256: it is missing"),
        ("rollback", &[sum, file], 413, "it has more than 0 bytes"),
    ] {
        scene.refuses_form(route, fields, status, why);
    }
    let json = Request::post("/update").header(header::CONTENT_TYPE, "application/json");
    let answer = scene.master.send(json.body(Body::from("{}")).expect("a plain request"));
    scene.refused("json", &answer, (400, "it takes multipart/form-data"), Trace::Nothing);
    let zeros = "0".repeat(64);
    let fields = [("sha256", zeros.as_bytes()), ("attempt", b"wrong-sum"), file];
    let answer = scene.master.post("update", &fields);
    scene.refused("wrong-sum", &answer, (400, "sha256: what was sent has"), Trace::Line);
}

/// So many zeros, sent as fast as they are taken.
fn zeros(mebibytes: usize) -> impl futures_util::Stream<Item = Result<Bytes, std::io::Error>> {
    let some = Bytes::from(vec![0; 64 * 1024]);
    stream::iter((0..mebibytes * 16).map(move |_| Ok(some.clone())))
}

/// Forms in which the next field never begins.
pub(super) fn without_an_end(scene: &mut Scene) {
    let field = opening(&[("attempt", b"x")]);
    let header = [&field[..field.len() - 5], b"\r\nx-more: "].concat();
    for (name, begin) in [("preamble", Vec::new()), ("header", header)] {
        let begin = stream::iter([Ok(Bytes::from(begin))]);
        let body = Body::from_stream(begin.chain(zeros(64)));
        let answer = scene.master.send(request("update", body));
        scene.refused(name, &answer, (400, "in no field"), Trace::Nothing);
    }
    // It says how much will come, and nothing has to.
    let mut large =
        request("update", Body::from_stream(stream::pending::<Result<Bytes, String>>()));
    large.headers_mut().insert(header::CONTENT_LENGTH, (1_u64 << 40).into());
    let answer = scene.master.send(large);
    scene.refused("terabyte", &answer, (413, "it has more than"), Trace::Nothing);
}

/// What was uploaded in pieces, and then changed, is not what the sender says that it is.
pub(super) fn changed_upload(scene: &mut Scene) {
    let good = scene.forge.bundle(release(manifest(6)).bytes(), &FILES);
    let sum = Digest::of(&good).to_string();
    let ask = |method: &str, at: usize, bytes: &[u8]| {
        let request = Request::builder().method(method).uri(format!("/uploads/{sum}"));
        let request = request.header("upload-offset", at).body(Body::from(bytes.to_vec()));
        let answer = scene.master.answer(request.expect("a plain request")).expect("it answers");
        let offset = answer.headers().get("upload-offset").expect("it says how much is there");
        (answer.status().as_u16(), offset.to_str().expect("a number").parse().expect("a number"))
    };
    let (half, all) = (good.len() / 2, good.len());
    assert_eq!(ask("HEAD", 0, b""), (200, 0));
    assert_eq!(ask("PATCH", 0, &good[..half]), (204, half));
    // What is there is not written over.
    assert_eq!(ask("PATCH", 0, b"other"), (409, half));
    assert_eq!(ask("PATCH", all, b"beyond"), (409, half));
    assert_eq!(ask("PATCH", half, &good[half..]), (204, all));
    assert_eq!(ask("HEAD", 0, b""), (200, all));
    assert_eq!(ask("PATCH", all, b"more"), (204, all + 4));
    let answer =
        scene.master.post("update", &[("sha256", sum.as_bytes()), ("attempt", b"changed")]);
    scene.refused("changed", &answer, (400, "sha256: what was sent has"), Trace::Line);
}
