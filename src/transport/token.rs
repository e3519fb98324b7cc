//! The token that etcd issues at a login and that each request carries.

use http::HeaderValue;

use crate::secret::Secret;

/// How many raft entries a member may be behind the one that issued the token.
const MAX_LAG: u64 = 100;

const HEADER: &str = "token";
/// The request without a token: etcd refuses an invalid token even on a new login.
const AUTHENTICATE: &str = "/etcdserverpb.Auth/Authenticate";

/// An etcd token. It grants the user's access, so it is as secret as the password.
#[derive(Clone)]
pub(super) struct Token {
    header: HeaderValue,
    secret: Secret,
}

impl Token {
    /// The token with this text; `None` if it cannot be sent in a header.
    pub(super) fn new(text: &str) -> Option<Self> {
        let mut header = HeaderValue::from_str(text).ok()?;
        header.set_sensitive(true);
        Some(Self { header, secret: Secret::new(text) })
    }

    /// Adds the token to every request except the login.
    pub(super) fn sign<B>(&self, request: &mut http::Request<B>) {
        if request.uri().path() != AUTHENTICATE {
            request.headers_mut().insert(HEADER, self.header.clone());
        }
    }

    /// Whether it was issued later than `raft_index`. A token ahead of a member is from another history.
    pub(super) fn is_ahead_of(&self, raft_index: u64) -> bool {
        self.raft_index().is_some_and(|index| index > raft_index.saturating_add(MAX_LAG))
    }

    /// The raft index at which etcd issued a simple token.
    ///
    /// It is the part after the dot. JSON web tokens have none.
    fn raft_index(&self) -> Option<u64> {
        self.secret.reveal().rsplit_once('.')?.1.parse().ok()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_simple_token_contains_its_raft_index_and_a_web_token_does_not() {
        let simple = Token::new("yJsVzqPSSyuKvvGg.2000").unwrap();
        assert!(simple.is_ahead_of(323) && !simple.is_ahead_of(1990));
        assert!(!Token::new("eyJhbGciOiJ.eyJ1c2VybmFtZSI6.c2lnbmF0dXJl").unwrap().is_ahead_of(0));
    }

    #[test]
    fn every_request_except_the_login_carries_the_token() {
        let token = Token::new("t0ken").unwrap();
        for (path, carried) in [("/etcdserverpb.KV/Range", true), (AUTHENTICATE, false)] {
            let mut request = http::Request::builder().uri(path).body(()).unwrap();
            token.sign(&mut request);
            assert_eq!(request.headers().contains_key(HEADER), carried);
            assert!(!format!("{request:?}").contains("t0ken"));
        }
    }

    #[test]
    fn a_text_that_no_header_can_carry_is_not_a_token() {
        assert!(Token::new("a\nb").is_none());
    }
}
