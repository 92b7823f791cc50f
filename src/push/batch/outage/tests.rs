use super::*;

const MS: Duration = Duration::from_millis(1);

fn outage(failures: u32) -> Outage {
    let mut outage = Outage::default();
    (0..failures).for_each(|_| outage.count_failure());
    outage
}

/// R136: two failures in a row are an outage, and so is one failed list.
#[test]
fn an_outage_starts_with_the_second_failure() {
    for (failures, on) in [(0, false), (1, false), (2, true), (3, true)] {
        let outage = outage(failures);
        assert_eq!(outage.is_on(), on, "{failures}");
        let limit = if on { 5 } else { usize::MAX };
        assert_eq!(outage.limit(5), limit, "{failures}");
    }
    let mut listed = Outage::default();
    listed.count_failed_list();
    assert!(listed.is_on());
}

/// R136: a probe is four requests, sent when nothing is in flight; the pauses grow to 0.4 s, plus or
/// minus a half, and from the third probe on the outage is long.
#[test]
fn probes_are_sent_with_growing_pauses() {
    assert_eq!(outage(1).next_probe(0), None);
    let mut outage = outage(2);
    assert_eq!(outage.next_probe(1), None);
    for (probe, middle) in [(1, 100), (2, 200), (3, 400), (4, 400), (9, 400)] {
        outage.count_failure();
        outage.probes = probe - 1;
        let pause = outage.next_probe(0).unwrap();
        let range = middle / 2 * MS..middle * 3 / 2 * MS;
        assert!(range.contains(&pause), "{probe}: {pause:?}");
        assert_eq!(outage.probes, probe);
        assert_eq!(outage.is_long(), probe > 2, "{probe}");
        for left in (0..4).rev() {
            assert_eq!(outage.limit(7), 7 + left + 1);
            assert_eq!(outage.next_probe(0), None, "the probe is still being sent");
            outage.sent();
        }
        assert_eq!(outage.limit(7), 7);
        outage.sent();
        assert_eq!(outage.limit(7), 7);
    }
    // A failure ends the probe: its remaining requests are not sent.
    outage.next_probe(0);
    outage.count_failure();
    assert_eq!(outage.limit(0), 0);
}
