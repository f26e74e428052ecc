//! Before Linux 6.6 the capture hangs on filters that outlive whoever put them there.

use decnet::edge::bpf::{Hook, Maps, Programs, detach_left};
use decnet::logic::craft::{LINUX_OPTIONS, Route, tcp};
use decnet::logic::decky::DeckyId;
use decnet_tests::ghost::ghost;
use decnet_tests::world::{NODE, VISITOR_IP, World, wait_for};

fn attached() -> (Programs, Maps) {
    let mut programs = Programs::load().expect("root can load programs");
    let mut maps = programs.maps().expect("they have maps");
    maps.add_decky(DeckyId(1), &ghost(1), 0).expect("the map has room");
    programs.attach(NODE, Hook::Clsact).expect("the link is there");
    (programs, maps)
}

fn seen(maps: &Maps) -> u64 {
    maps.counters().expect("they can be read").status(0).seen
}

fn touch(world: &World) {
    let route = Route {
        src_mac: world.visitor_mac(),
        dst_mac: ghost(1).mac,
        src: VISITOR_IP.into(),
        dst: ghost(1).ip.into(),
        vlan: None,
    };
    let frame = route.tcp(40_000, 80, tcp::SYN, &LINUX_OPTIONS, b"");
    world.frames().send(&frame).expect("the wire is up");
}

/// The filters on both sides of the node's link.
fn filters(world: &World) -> usize {
    let of = |side| {
        let shown = world.on_node(&["tc", "filter", "show", "dev", NODE, side]).stdout;
        String::from_utf8_lossy(&shown).matches(" handle ").count()
    };
    of("ingress") + of("egress")
}

#[test]
fn without_tcx_a_packet_is_seen_once_also_after_a_kill() {
    let world = World::make();
    world.as_node(|| {
        let (programs, before) = attached();
        touch(&world);
        assert!(wait_for(|| (seen(&before) == 1).then_some(())).is_some());
        // As if it was killed: nobody takes the filters away.
        std::mem::forget(programs);
        assert_eq!(filters(&world), 2);
        let (programs, after) = attached();
        assert_eq!(filters(&world), 2, "the old ones have made room");
        touch(&world);
        assert!(wait_for(|| (seen(&after) == 1).then_some(())).is_some());
        assert_eq!(seen(&before), 1, "nobody else saw it");
        drop(programs);
        assert_eq!(filters(&world), 0, "an agent that ends takes its own away");
        let (programs, _) = attached();
        std::mem::forget(programs);
        detach_left(NODE);
        assert_eq!(filters(&world), 0);
    });
}
