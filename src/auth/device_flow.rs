//! The device authorization grant (RFC 8628): the person enters a code in a browser, while the program
//! polls the provider for the result.

use std::time::Duration;

use tokio::time::{Instant, sleep};

use super::workos::{DeviceCode, ProviderError, Tokens, Workos};
use crate::error::Result;

/// Defaults in seconds, if the provider does not send them.
const INTERVAL: f64 = 5.0;
const EXPIRES_IN: f64 = 300.0;
const SHORTEST: f64 = 1.0;
const LONGEST_INTERVAL: f64 = 60.0;
const LONGEST_LOGIN: f64 = 1800.0;
/// Increase of the interval after `slow_down`.
const SLOWER: Duration = Duration::from_secs(5);

/// Polls until the login is completed or fails.
pub(crate) async fn wait(workos: &Workos, code: &DeviceCode) -> Result<Tokens> {
    let mut interval = seconds(code.interval, INTERVAL, LONGEST_INTERVAL);
    let deadline = Instant::now() + seconds(code.expires_in, EXPIRES_IN, LONGEST_LOGIN);
    while Instant::now() + interval < deadline {
        sleep(interval).await;
        match workos.poll_device(&code.secret).await {
            Ok(tokens) => return Ok(tokens),
            Err(failure) => interval = next_interval(interval, failure)?,
        }
    }
    let (code, details) = ("expired_token".to_owned(), String::new());
    Err(ProviderError::Refused { code, details }.into())
}

/// Returns the wait before the next poll, or the error that ends the login.
fn next_interval(interval: Duration, error: ProviderError) -> Result<Duration> {
    match error {
        ProviderError::Refused { code, .. } if code == "authorization_pending" => Ok(interval),
        ProviderError::Refused { code, .. } if code == "slow_down" => Ok(interval + SLOWER),
        // The login may still succeed, so a failing provider is polled less often.
        ProviderError::Unavailable(_) => Ok(interval + SLOWER),
        error => Err(error.into()),
    }
}

/// Limits `given` to the allowed range; `default` if it is missing or not a number.
fn seconds(given: Option<f64>, default: f64, longest: f64) -> Duration {
    let given = given.filter(|seconds| seconds.is_finite());
    Duration::from_secs_f64(given.unwrap_or(default).clamp(SHORTEST, longest))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refusal(code: &str) -> ProviderError {
        ProviderError::Refused {
            code: code.to_owned(),
            details: ": in words".to_owned(),
        }
    }

    /// R56: the interval of the provider is limited to a range.
    #[test]
    fn the_interval_is_bounded() {
        for (given, expected) in [
            (None, 5.0),
            (Some(0.0), 1.0),
            (Some(-3.0), 1.0),
            (Some(2.5), 2.5),
            (Some(3600.0), 60.0),
            (Some(f64::NAN), 5.0),
            (Some(f64::INFINITY), 5.0),
        ] {
            assert_eq!(
                seconds(given, INTERVAL, LONGEST_INTERVAL),
                Duration::from_secs_f64(expected),
                "{given:?}"
            );
        }
        assert_eq!(seconds(None, EXPIRES_IN, LONGEST_LOGIN).as_secs(), 300);
        let interval = Duration::from_secs(5);
        assert_eq!(
            next_interval(interval, refusal("authorization_pending")).unwrap(),
            interval
        );
        assert_eq!(
            next_interval(interval, refusal("slow_down")).unwrap(),
            interval + SLOWER
        );
        assert!(next_interval(interval, ProviderError::Unavailable(String::new())).is_ok());
    }

    /// R58: each refusal is explained.
    #[test]
    fn refusals_are_explained() {
        for (code, part) in [
            ("access_denied", "denied in the browser"),
            ("expired_token", "not entered in time"),
            (
                "organization_selection_required",
                "requires choosing an organisation",
            ),
            ("sso_required", "single sign-on"),
            ("mfa_challenge", "second factor"),
            ("mfa_enrollment", "none is set up"),
            ("email_verification_required", "not verified"),
            ("something_new", "something_new): in words"),
        ] {
            let error = next_interval(Duration::ZERO, refusal(code)).unwrap_err();
            assert_eq!(error.kind.exit_code(), 3);
            assert!(error.message.contains(part), "{}", error.message);
        }
    }
}
