use super::is_meant;

#[test]
fn a_pattern_means_what_an_operator_expects() {
    let table = [
        ("*.md", "share/doc/a.md", true),
        ("*.md", "share/a.mdx", false),
        ("share/*.md", "share/doc/a.md", false),
        ("share/**/a.md", "share/doc/deep/a.md", true),
        ("share/**", "share/doc/a.md", true),
        ("share/doc", "share/doc/a.md", true),
        ("doc/", "share/doc/a.md", true),
        ("/share", "share/doc/a.md", true),
        ("share", "bin/decnet", false),
        ("bin/decne?", "bin/decnet", true),
        ("bin?decnet", "bin/decnet", false),
        ("*", "bin/decnet", true),
        ("share/*/x*y*z", "share/a/xyyz", true),
        ("share/**/x*", "share/b/a/x/c", true),
        ("**/y*/z", "x/ya/b/yc/z", true),
        ("", "bin/decnet", false),
    ];
    for (pattern, path, meant) in table {
        assert_eq!(is_meant(pattern, path), meant, "`{pattern}` and `{path}`");
    }
}

#[test]
fn a_pattern_of_stars_takes_no_time() {
    let pattern = "*a".repeat(200);
    assert!(!is_meant(&format!("{pattern}b"), &"a".repeat(2_000)));
}
