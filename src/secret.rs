//! Secrets, and a filter that removes them from texts written by others (promise 10).
//!
//! A server, or a proxy before it, may repeat what it was sent in its error: the password of a login, or a token. Such
//! texts end up in logs and exceptions, so each passes through [`filtered`]. Our own messages need no filter, because
//! a [`Secret`] cannot be formatted. They must not be filtered either: a password can be a common word, and the gaps
//! in a known text would reveal it.

use std::fmt;
use std::fmt::Write as _;
use std::sync::{Arc, Weak};

use arc_swap::ArcSwapOption;

/// The replacement for a secret.
pub const FILTERED: &str = "[FILTERED]";

/// etcd's fixed error for any wrong password, which is never filtered.
const WRONG_PASSWORD: &str = "etcdserver: authentication failed, invalid user ID or password";

/// Secrets shorter than this are filtered only as whole words.
///
/// Gaps inside words would reveal the letters.
const SHORT: usize = 4;

/// All secrets that are still in use. It has no lock, because another thread could hold it at a fork.
static SECRETS: ArcSwapOption<Vec<Weak<str>>> = ArcSwapOption::const_empty();

/// A text that no log, error or debug output can show.
#[derive(Clone, PartialEq, Eq)]
pub struct Secret(Arc<str>);

impl Secret {
    /// Makes `text` a secret, which [`filtered`] removes from now on.
    pub fn new(text: impl Into<String>) -> Self {
        let secret: Arc<str> = text.into().into();
        if !secret.is_empty() {
            let added = Arc::downgrade(&secret);
            SECRETS.rcu(|known| {
                let living = known.iter().flat_map(|known| known.iter()).filter(|one| one.strong_count() > 0);
                Some(Arc::new(living.cloned().chain([added.clone()]).collect()))
            });
        }
        Self(secret)
    }

    /// The text itself, for the one call that sends it.
    #[must_use]
    pub fn reveal(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(FILTERED)
    }
}

/// Replaces every secret of this process in `text`, which was written by others.
#[must_use]
pub fn filtered(text: &str) -> String {
    if text == WRONG_PASSWORD {
        return text.to_owned();
    }
    let Some(known) = SECRETS.load_full() else { return text.to_owned() };
    let mut forms: Vec<String> = known.iter().filter_map(Weak::upgrade).flat_map(|one| forms(&one)).collect();
    // Longest first, because one secret may be part of another.
    forms.sort_unstable_by_key(|form| std::cmp::Reverse(form.len()));
    forms.iter().fold(text.to_owned(), |text, form| without(&text, form))
}

/// The spellings of `secret`: as it is, escaped, and URL-encoded.
fn forms(secret: &str) -> [String; 3] {
    let in_url = secret.bytes().fold(String::new(), |mut text, byte| {
        if byte.is_ascii_alphanumeric() || b"-._~".contains(&byte) {
            text.push(char::from(byte));
        } else {
            let _ = write!(text, "%{byte:02X}");
        }
        text
    });
    [secret.to_owned(), secret.escape_debug().collect(), in_url]
}

fn without(text: &str, secret: &str) -> String {
    let is_short = secret.chars().count() < SHORT;
    let mut result = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(at) = rest.find(secret) {
        let (before, after) = (&rest[..at], &rest[at + secret.len()..]);
        let is_letter = |neighbour: Option<char>| neighbour.is_some_and(char::is_alphanumeric);
        let previous = before.chars().next_back().or_else(|| result.chars().next_back());
        result.push_str(before);
        let is_part_of_word = is_short && (is_letter(previous) || is_letter(after.chars().next()));
        result.push_str(if is_part_of_word { secret } else { FILTERED });
        rest = after;
    }
    result.push_str(rest);
    result
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_password_is_never_shown() {
        assert!(!format!("{:?}", Secret::new("correct-horse")).contains("horse"));
    }

    #[test]
    fn a_secret_is_filtered_in_each_of_its_spellings() {
        let _secret = Secret::new("pa\"ss/w0rd");
        for text in
            ["bad login pa\"ss/w0rd!", "bad login \"pa\\\"ss/w0rd\"!", "/login?password=pa%22ss%2Fw0rd!"]
        {
            let shown = filtered(text);
            assert!(shown.contains(FILTERED) && !shown.contains("w0rd"), "{shown}");
        }
    }

    #[test]
    fn a_short_secret_is_filtered_only_as_a_whole_word() {
        let _secret = Secret::new("zq");
        assert_eq!(
            filtered("login 'zq' refused, zqueue zq"),
            "login '[FILTERED]' refused, zqueue [FILTERED]"
        );
    }

    #[test]
    fn a_secret_that_contains_another_is_filtered_as_a_whole() {
        let _secrets = [Secret::new("k9-inner"), Secret::new("k9-inner-and-outer")];
        assert_eq!(filtered("k9-inner-and-outer, k9-inner"), "[FILTERED], [FILTERED]");
    }

    #[test]
    fn a_dropped_secret_is_forgotten() {
        drop(Secret::new("gone-for-good"));
        assert_eq!(filtered("gone-for-good"), "gone-for-good");
        let _next = Secret::new("another-one");
        let known = SECRETS.load_full();
        assert!(
            known
                .iter()
                .flat_map(|known| known.iter())
                .all(|one| one.upgrade().as_deref() != Some("gone-for-good"))
        );
    }

    #[test]
    fn etcds_fixed_error_for_a_wrong_password_is_not_filtered() {
        let _secret = Secret::new("password");
        assert_eq!(filtered(WRONG_PASSWORD), WRONG_PASSWORD);
        assert_eq!(filtered("the password is password"), "the [FILTERED] is [FILTERED]");
    }
}
