//! What is in a manifest, who may sign it, and what a machine takes.

mod bundles;
mod gates;
mod parcels;
mod roots;

use super::samples::*;
use super::*;

#[test]
fn a_release_is_the_digest_of_its_manifest_and_of_nothing_else() {
    let release = release(7);
    assert_eq!(Release::parse(release.bytes()), Ok(release.clone()));
    assert_eq!(release.digest(), Digest::of(release.bytes()));
    assert_eq!(release.digest().to_string().parse(), Ok(release.digest()));
    assert_eq!(release.size(), 22 + 512 + 1_500);
}

#[test]
fn there_is_one_way_to_write_a_manifest() {
    let text = String::from_utf8(release(7).bytes().to_vec()).expect("it is text");
    for other in [
        text.trim_end().to_owned(),
        format!("{text}\n"),
        text.replace("\"number\": 7", "\"number\":7"),
        text.replace(".999999999Z", ".999999999+00:00"),
        text.replace("\"agent\"", "\"\\u0061gent\""),
    ] {
        assert_ne!(other, text);
        assert_eq!(Release::parse(other.as_bytes()), Err(ManifestError::Canonical), "{other}");
    }
}

#[test]
fn a_manifest_that_contradicts_itself_is_refused_with_the_reason() {
    let path = |text: &str| FilePath::parse(text).expect("it is a path");
    let file = |text: &str| File { path: path(text), ..manifest(7).files[0].clone() };
    let add = |texts: &[&str]| {
        let mut files = manifest(7).files;
        files.extend(texts.iter().map(|text| file(text)));
        Manifest { files, ..manifest(7) }
    };
    for (manifest, wanted) in [
        (Manifest { schema: "decnet.root/1".into(), ..manifest(7) }, ManifestError::Schema),
        (Manifest { components: vec![], ..manifest(7) }, ManifestError::Components),
        (
            Manifest { components: vec![Component::Updater; 2], ..manifest(7) },
            ManifestError::Components,
        ),
        (Manifest { epoch: 0, ..manifest(7) }, ManifestError::Zero),
        (manifest(0), ManifestError::Zero),
        (Manifest { expires: manifest(7).created, ..manifest(7) }, ManifestError::Expiry),
        (Manifest { files: vec![], ..manifest(7) }, ManifestError::NoProgram),
        (
            Manifest {
                files: vec![File { mode: Mode::Plain, ..file("bin/decnet") }],
                ..manifest(7)
            },
            ManifestError::NoProgram,
        ),
        (
            Manifest {
                files: vec![File { size: u64::MAX, ..file("bin/decnet") }; 2],
                ..manifest(7)
            },
            ManifestError::TooLarge,
        ),
        (
            Manifest { files: vec![file("bin/decnet"); 5_000], ..manifest(7) },
            ManifestError::TooMany,
        ),
        (add(&["share/words"]), ManifestError::Duplicate(path("share/words"))),
        (add(&["share/word"]), ManifestError::Order(path("share/word"))),
        (add(&["share/wordz", "share/wordZ"]), ManifestError::Order(path("share/wordZ"))),
        (add(&["share/x", "share/x/y"]), ManifestError::Folder("share/x".into())),
    ] {
        assert_eq!(Release::seal(manifest).expect_err("it is refused"), wanted);
    }
    // Case alone: capitals sort before.
    let files = ["bin/decnet", "share/Words", "share/words"].map(file).to_vec();
    let wanted = ManifestError::Case(path("share/words"));
    assert_eq!(Release::seal(Manifest { files, ..manifest(7) }), Err(wanted));
    let files = ["bin/decnet", "share/X/a", "share/x/b"].map(file).to_vec();
    let wanted = ManifestError::Folder("share/x".into());
    assert_eq!(Release::seal(Manifest { files, ..manifest(7) }), Err(wanted));
}

#[test]
fn a_name_that_could_lead_elsewhere_is_no_path() {
    use PathError::*;
    for (text, wanted) in [
        ("", Length as fn(String) -> PathError),
        (&format!("share/{}", "a".repeat(95)), Length),
        ("/bin/decnet", Absolute),
        ("..", Climbs),
        ("share/../../etc/passwd", Climbs),
        ("share/./words", Climbs),
        ("share//words", Hidden),
        ("share/", Hidden),
        ("share/.words", Hidden),
        ("share/a/b/c/d/e/f/g/h", Deep),
        ("release.json", Place),
        ("bin", Place),
        ("etc/passwd", Place),
        ("share\\words", Strange),
        ("share/wo\0rds", Strange),
        ("share/w\u{f6}rds", Strange),
        ("share/wo rds", Strange),
        ("share/words\n", Strange),
    ] {
        let shown = text.escape_default().take(80).collect();
        assert_eq!(FilePath::parse(text), Err(wanted(shown)), "{text:?}");
    }
    let path = FilePath::parse("share/units/decnet-agent.service").expect("it is a path");
    assert_eq!(path.parents().collect::<Vec<_>>(), ["share", "share/units"]);
    assert!(FilePath::parse(&format!("share/{}", "a".repeat(94))).is_ok());
}

#[test]
fn unknown_and_doubled_keys_are_refused() {
    let text = String::from_utf8(release(7).bytes().to_vec()).expect("it is text");
    for (from, to) in [
        ("\"number\": 7", "\"number\": 7, \"number\": 8"),
        ("\"number\": 7", "\"number\": 7, \"hook\": \"rm -r /\""),
        ("\"number\": 7", "\"number\": -7"),
        ("\"555\"", "\"4755\""),
        ("bin/decnet", "../decnet"),
        ("x86_64", "pdp11"),
        ("5.19", "5"),
    ] {
        let text = text.replace(from, to);
        let refused = Release::parse(text.as_bytes());
        assert!(matches!(refused, Err(ManifestError::Text(_))), "{refused:?}");
    }
    let large = vec![b' '; 2 * 1024 * 1024];
    assert_eq!(Release::parse(&large), Err(ManifestError::TooLarge));
}

#[test]
fn a_secret_key_is_never_shown() {
    let key = key(9);
    assert_eq!(SecretKey::parse(&key.text()).expect("it is a key").public(), key.public());
    assert_eq!(format!("{key:?}"), format!("SecretKey({})", key.public()));
    let digits = "09".repeat(32);
    assert!(key.text().contains(&digits) && !format!("{key:?}").contains(&digits));
    for text in ["", "ed25519:00", &key.public().to_string(), &key.text()[1..]] {
        assert_eq!(SecretKey::parse(text).expect_err("it is none"), NotAKey::Secret);
    }
}

#[test]
fn a_public_key_that_signs_for_anybody_is_none() {
    // The neutral point, and one of small order.
    let neutral = format!("ed25519:01{}", "00".repeat(31));
    let small = "ed25519:26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc05";
    for text in [neutral.as_str(), small, "ed25519:", &"00".repeat(32)] {
        assert!(matches!(text.parse::<PublicKey>(), Err(NotAKey::Public(_))), "{text}");
    }
    let text = key(1).public().to_string();
    assert!(text.parse::<PublicKey>().is_ok());
    assert!(text.to_uppercase().replace("ED25519", "ed25519").parse::<PublicKey>().is_err());
}
