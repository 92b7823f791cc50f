//! The expiry and issuer of a JSON Web Token (RFC 7519). The signature is not verified: that is up to the
//! server that accepts the token.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use jiff::{SignedDuration, Timestamp};
use serde_json::value::RawValue;
use zeroize::Zeroizing;

use crate::formats::json::Members;

/// The claim `exp`, a number of seconds since 1970.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Expiry {
    /// The text is not a JWT, so its expiry is unknown.
    NotAJwt,
    /// A JWT that does not expire.
    Never,
    At(Timestamp),
    /// `exp` is not a time.
    Invalid,
}

pub(crate) fn expiry(token: &str) -> Expiry {
    let claims = claims(token).unwrap_or_default();
    let Ok(claims) = serde_json::from_slice::<Members<'_>>(&claims) else {
        return Expiry::NotAJwt;
    };
    match claims.get("exp").map(RawValue::get) {
        None | Some("null") => Expiry::Never,
        Some(number) => seconds(number).map_or(Expiry::Invalid, Expiry::At),
    }
}

/// The claim `iss`; `None` if it is no JWT or has none.
pub(crate) fn issuer(token: &str) -> Option<String> {
    let claims = claims(token)?;
    let claims: Members<'_> = serde_json::from_slice(&claims).ok()?;
    serde_json::from_str(claims.get("iss")?.get()).ok()
}

fn claims(token: &str) -> Option<Zeroizing<Vec<u8>>> {
    let [_header, claims, _signature] = token.split('.').collect::<Vec<_>>()[..] else {
        return None;
    };
    URL_SAFE_NO_PAD.decode(claims).ok().map(Zeroizing::new)
}

/// A `NumericDate` of RFC 7519, which may have a fraction.
fn seconds(number: &str) -> Option<Timestamp> {
    let seconds = SignedDuration::try_from_secs_f64(number.parse().ok()?)
        .ok()?
        .as_secs();
    Timestamp::from_second(seconds).ok().filter(|_| seconds > 0)
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;
    use proptest::prelude::*;

    /// An unsigned token with these claims.
    pub(crate) fn token(claims: &str) -> String {
        format!("e30.{}.c2ln", URL_SAFE_NO_PAD.encode(claims))
    }

    #[test]
    fn the_expiry_of_a_token_is_read() {
        let at = |second| Expiry::At(Timestamp::from_second(second).unwrap());
        for (claims, expected) in [
            (r#"{"exp":1800000000}"#, at(1_800_000_000)),
            (r#"{"exp":1800000000.5}"#, at(1_800_000_000)),
            (r#"{"exp":1.8e9}"#, at(1_800_000_000)),
            (r#"{"exp":1,"exp":1800000000}"#, at(1_800_000_000)),
            ("{}", Expiry::Never),
            (r#"{"exp":null}"#, Expiry::Never),
            (r#"{"exp":"1800000000"}"#, Expiry::Invalid),
            (r#"{"exp":1e300}"#, Expiry::Invalid),
            (r#"{"exp":-5}"#, Expiry::Invalid),
            (r#"{"exp":[]}"#, Expiry::Invalid),
            ("[]", Expiry::NotAJwt),
            ("", Expiry::NotAJwt),
        ] {
            assert_eq!(expiry(&token(claims)), expected, "{claims}");
        }
        for opaque in ["", "sgamp_user_1", "a.b", "a.b.c", "a.b.c.d", "..."] {
            assert_eq!(expiry(opaque), Expiry::NotAJwt, "{opaque}");
        }
    }

    proptest! {
        #[test]
        fn any_text_is_read_without_panic(text in any::<String>(), claims in any::<String>()) {
            let _ = expiry(&text);
            let _ = expiry(&token(&claims));
        }
    }
}
