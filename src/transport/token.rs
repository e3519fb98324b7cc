//! What a login gets: the token that each request carries.

use http::HeaderValue;

use crate::secret::Secret;

/// How many raft entries a member may be behind the one that gave the token.
const LAG: u64 = 100;

const HEADER: &str = "token";
/// etcd refuses a void token even from those who ask for another.
const AUTHENTICATE: &str = "/etcdserverpb.Auth/Authenticate";

/// A token of etcd's. Whoever holds it is the user, so that it is a secret as the password is.
#[derive(Clone)]
pub(super) struct Token {
    header: HeaderValue,
    secret: Secret,
}

impl Token {
    /// The token with this text; `None` for one that no request can carry.
    pub(super) fn new(text: &str) -> Option<Self> {
        let mut header = HeaderValue::from_str(text).ok()?;
        header.set_sensitive(true);
        Some(Self { header, secret: Secret::new(text) })
    }

    pub(super) fn sign<B>(&self, request: &mut http::Request<B>) {
        if request.uri().path() != AUTHENTICATE {
            request.headers_mut().insert(HEADER, self.header.clone());
        }
    }

    /// Whether it is from further on than a member that is at `raft_index`: then it is of another history.
    pub(super) fn is_ahead_of(&self, raft_index: u64) -> bool {
        self.raft_index().is_some_and(|index| index > raft_index.saturating_add(LAG))
    }

    /// The raft index at which etcd gave a simple token, its part after the dot. JSON web tokens have none.
    fn raft_index(&self) -> Option<u64> {
        self.secret.reveal().rsplit_once('.')?.1.parse().ok()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_simple_token_tells_how_far_its_member_was_and_a_web_token_does_not() {
        let simple = Token::new("yJsVzqPSSyuKvvGg.2000").unwrap();
        assert!(simple.is_ahead_of(323) && !simple.is_ahead_of(1990));
        assert!(!Token::new("eyJhbGciOiJ.eyJ1c2VybmFtZSI6.c2lnbmF0dXJl").unwrap().is_ahead_of(0));
    }

    #[test]
    fn it_goes_with_every_request_but_the_login() {
        let token = Token::new("t0ken").unwrap();
        for (path, carried) in [("/etcdserverpb.KV/Range", true), (AUTHENTICATE, false)] {
            let mut request = http::Request::builder().uri(path).body(()).unwrap();
            token.sign(&mut request);
            assert_eq!(request.headers().contains_key(HEADER), carried);
            assert!(!format!("{request:?}").contains("t0ken"));
        }
    }

    #[test]
    fn a_text_that_no_header_can_hold_is_no_token() {
        assert!(Token::new("a\nb").is_none());
    }
}
