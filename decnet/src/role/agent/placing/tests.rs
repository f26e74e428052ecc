use super::*;

#[test]
fn a_wireless_interface_is_known_by_what_the_kernel_says_of_it() {
    let sys = tempfile::tempdir().expect("a directory");
    for (name, sign) in [("wlan0", "wireless"), ("wlp3s0", "phy80211"), ("eth0", "device")] {
        std::fs::create_dir_all(sys.path().join(name).join(sign)).expect("it is ours");
    }
    for (name, wanted) in [("wlan0", true), ("wlp3s0", true), ("eth0", false), ("eth1", false)] {
        assert_eq!(is_wireless(sys.path(), name), wanted, "{name}");
    }
}
