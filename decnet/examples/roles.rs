//! scratch
use decnet::role::{api, web};
use std::path::PathBuf;
fn main() -> anyhow::Result<()> {
    let args: Vec<String> = std::env::args().collect();
    let host = [127, 0, 0, 1].into();
    match args[1].as_str() {
        "api" => api::run(&api::Settings {
            host,
            port: args[2].parse()?,
            state_dir: PathBuf::from(&args[3]),
        }),
        "web" => {
            web::run(&web::Settings { host, port: args[2].parse()?, api_url: args[3].clone() })
        }
        _ => anyhow::bail!("?"),
    }
}
