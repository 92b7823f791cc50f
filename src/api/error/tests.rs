use super::*;

/// R67, R68: what each status means: the exit code, whether it may have been carried out, and whether
/// it is transient, an outage, a rate limit or the end of a batch.
#[test]
fn statuses_are_classified() {
    for (status, exit_code, unknown, transient, outage, rate_limit, fatal) in [
        (400, 1, false, false, false, false, false),
        (401, 3, false, false, false, false, true),
        (403, 1, false, false, false, false, false),
        (404, 1, false, false, false, false, false),
        (408, 6, true, true, false, false, false),
        (409, 1, false, false, false, false, false),
        (413, 1, false, false, false, false, false),
        (422, 1, false, false, false, false, false),
        (429, 6, false, true, false, true, false),
        (499, 1, false, false, false, false, false),
        (500, 6, true, true, false, false, false),
        (501, 6, false, false, false, false, false),
        (502, 6, true, true, true, false, false),
        (503, 6, true, true, true, true, false),
        (504, 6, true, true, true, false, false),
        (505, 6, true, false, false, false, false),
        (599, 6, true, false, false, false, false),
    ] {
        let error = ApiError::of_status(status);
        assert_eq!(error.status(), Some(status));
        assert_eq!(i32::from(error.kind().exit_code()), exit_code, "{status}");
        assert_eq!(error.in_doubt, unknown, "{status}");
        assert_eq!(error.is_transient(), transient, "{status}");
        assert_eq!(error.is_outage(), outage, "{status}");
        assert_eq!(error.is_rate_limit(), rate_limit, "{status}");
        assert_eq!(error.is_fatal(), fatal, "{status}");
        assert!(!error.is_timeout());
        assert_eq!(error.retry_after, None);
        let wait = Some(Duration::from_secs(3));
        assert_eq!(error.with_retry_after(wait).retry_after, wait);
        // A longer wait than a minute ends every command.
        let busy = ApiError::of_status(status).with_retry_after(Some(Duration::from_secs(61)));
        assert!(busy.is_fatal() && !busy.is_transient() && !busy.is_rate_limit() && !busy.is_outage());
    }
}

/// R68: a connection that fails is transient, a response that ends early is not, and a timeout has used
/// up the time of the call.
#[test]
fn failures_without_a_status_are_classified() {
    let broken = |stage| {
        ApiError::from(Broken {
            stage,
            message: "x".to_owned(),
            hint: None,
        })
    };
    for (error, exit_code, transient, outage, timeout, fatal) in [
        (Error::usage("x").into(), 2, false, false, false, true),
        (broken(Stage::Handshake), 6, false, false, false, true),
        (broken(Stage::Connecting), 6, true, true, false, false),
        (broken(Stage::Waiting), 6, true, true, false, false),
        (broken(Stage::Answering), 7, false, true, false, false),
        (broken(Stage::TimedOut), 6, false, false, true, false),
        (broken(Stage::TooLarge), 7, false, false, false, true),
    ] {
        let case = format!("{error:?}");
        assert_eq!(i32::from(error.kind().exit_code()), exit_code, "{case}");
        assert_eq!(error.is_transient(), transient, "{case}");
        assert_eq!(error.is_outage(), outage, "{case}");
        assert_eq!(error.is_timeout(), timeout, "{case}");
        assert_eq!(error.is_fatal(), fatal, "{case}");
        assert_eq!(error.status(), None, "{case}");
    }
}

/// R64: only a 404 of the API itself means that a secret does not exist.
#[test]
fn a_404_of_a_proxy_means_a_missing_endpoint() {
    for (status, enveloped, not_found, missing_endpoint) in [
        (404, true, true, false),
        (404, false, false, true),
        (405, true, false, true),
        (501, true, false, true),
        (403, true, false, false),
        (403, false, false, false),
    ] {
        let error = ApiError::from_status(status, enveloped, CredentialSource::Session, None);
        assert_eq!(error.is_not_found(), not_found, "{status} {enveloped}");
        assert_eq!(
            error.is_missing_endpoint(),
            missing_endpoint,
            "{status} {enveloped}"
        );
    }
}

#[test]
fn a_message_says_what_happened_and_what_to_do() {
    for (status, message, hint) in [
        (401, "AMIKA_API_KEY was rejected (401): why", "key"),
        (403, "not allowed (403): why", "administrator"),
        (404, "not found (404): why", "deleted"),
        (409, "already exists (409): why", "try again"),
        (413, "too large for the API (413): why", "elsewhere"),
        (429, "too many requests (429): why", "wait a moment"),
        (408, "the API failed (408): why", "in a moment"),
        (500, "the API failed (500): why", "in a moment"),
        (418, "refused (418): why", "fix the reported problem"),
    ] {
        let error = ApiError::from_status(status, true, CredentialSource::Environment, Some("why"));
        assert_eq!(error.to_string(), message);
        assert!(error.error.hint.unwrap().contains(hint), "{status}");
    }
}
