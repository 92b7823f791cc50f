//! Formats times relative to now.

use jiff::Timestamp;

const MINUTE: i64 = 60;
const HOUR: i64 = 60 * MINUTE;
const DAY: i64 = 24 * HOUR;
const MONTH: i64 = 30 * DAY;
const YEAR: i64 = 365 * DAY;

/// Replaces a time at the end of `text` with `2 days ago` or `in 3 h`; other text is returned unchanged.
pub(crate) fn short(text: &str, now: Timestamp) -> String {
    let (before, time) = text.rsplit_once(' ').unwrap_or(("", text));
    let Ok(time) = time.parse::<Timestamp>() else {
        return text.to_owned();
    };
    let seconds = time.as_second() - now.as_second();
    format!("{before} {}", distance(seconds)).trim_start().to_owned()
}

fn distance(seconds: i64) -> String {
    let size = seconds.abs();
    let plural = |count: i64, unit: &str| format!("{count} {unit}{}", if count == 1 { "" } else { "s" });
    let amount = match size {
        0..MINUTE => return "now".to_owned(),
        MINUTE..HOUR => format!("{} min", size / MINUTE),
        HOUR..DAY => format!("{} h", size / HOUR),
        DAY..MONTH => plural(size / DAY, "day"),
        MONTH..YEAR => plural(size / MONTH, "month"),
        _ => plural(size / YEAR, "year"),
    };
    if seconds < 0 {
        format!("{amount} ago")
    } else {
        format!("in {amount}")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_shown_relative_to_now() {
        let now = "2026-11-25T06:00:00Z".parse().unwrap();
        for (time, shown) in [
            ("2026-11-25T09:30:00Z", "in 3 h"),
            ("2026-11-23T05:00:00Z", "2 days ago"),
            ("2026-11-24T06:00:00+00:00", "1 day ago"),
            ("2026-11-25T05:59:30Z", "now"),
            ("2028-01-01T00:00:00Z", "in 1 year"),
            ("expired 2026-11-25T05:00:00Z", "expired 1 h ago"),
            ("-", "-"),
            ("", ""),
            ("yesterday", "yesterday"),
        ] {
            assert_eq!(short(time, now), shown);
        }
    }

    #[test]
    fn each_unit_starts_at_one() {
        const DAYS: i64 = 86_400;
        for (seconds, shown) in [
            (59, "now"),
            (60, "in 1 min"),
            (3599, "in 59 min"),
            (3600, "in 1 h"),
            (86_399, "in 23 h"),
            (DAYS, "in 1 day"),
            (30 * DAYS - 1, "in 29 days"),
            (30 * DAYS, "in 1 month"),
            (365 * DAYS - 1, "in 12 months"),
            (365 * DAYS, "in 1 year"),
            (730 * DAYS, "in 2 years"),
        ] {
            assert_eq!(distance(seconds), shown);
            let past = shown.strip_prefix("in ").map(|amount| format!("{amount} ago"));
            assert_eq!(distance(-seconds), past.unwrap_or("now".to_owned()));
        }
    }
}
