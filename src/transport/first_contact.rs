//! What went wrong before etcd's first answer, and which setting mends it.
//!
//! A wrong certificate, authority, name or scheme shows as a break somewhere between the first packet and
//! the first answer, in the words of whichever library met it. Where TLS 1.3 is spoken, the refusal of a
//! client's certificate comes even later than the handshake. HTTP/2 hands such errors on as text, so that
//! text is all there is to go by; the specs hold it to what real servers do.

use super::explain::chain;
use crate::config::TlsFiles;
use crate::endpoint::Endpoint;
use crate::error::{Error, ErrorKind};

/// Says `error`, met before the first answer of `endpoint`, with what to do about it.
pub(super) fn explain(error: &dyn std::error::Error, endpoint: &Endpoint, tls: &TlsFiles) -> Error {
    let said = chain(error);
    let message = match advice(&said, tls) {
        Some(advice) => format!("{said}; {advice}"),
        None => said,
    };
    Error::new(ErrorKind::Connection, message).at(endpoint.to_string())
}

/// The same of a connection that stood and was closed with not a word from etcd.
pub(super) fn explain_closed(error: &dyn std::error::Error, endpoint: &Endpoint, tls: &TlsFiles) -> Error {
    if endpoint.tls() {
        return explain(error, endpoint, tls);
    }
    let said = chain(error);
    let advice = "closed before etcd's first answer; if it speaks TLS there, write https:// in endpoints";
    Error::new(ErrorKind::Connection, format!("{said}; {advice}")).at(endpoint.to_string())
}

fn advice(said: &str, tls: &TlsFiles) -> Option<&'static str> {
    let any = |words: &[&str]| words.iter().any(|word| said.contains(word));
    if said.contains("received fatal alert: ") {
        return any(&["Certificate", "UnknownCA", "AccessDenied"]).then(|| refusal(tls));
    }
    if any(&["UnknownIssuer", "BadSignature"]) {
        Some("set ca_file to the certificate of the authority that signed etcd's certificate")
    } else if any(&["not valid for name", "NotValidForName"]) {
        Some("set server_name to a name in etcd's certificate, or use such a name in endpoints")
    } else if any(&["certificate: Expired", "certificate expired"]) {
        Some("etcd's certificate has expired: renew it on the server")
    } else if any(&["NotValidYet", "not valid yet"]) {
        Some("etcd's certificate is not valid yet: check the clocks")
    } else if said.contains("KeyMismatch") {
        Some("cert_file and key_file do not belong together")
    } else if any(&["tls handshake eof", "corrupt message"]) {
        Some("no TLS is spoken there; for an etcd that speaks plain http write http:// in endpoints")
    } else {
        None
    }
}

const fn refusal(tls: &TlsFiles) -> &'static str {
    match tls.cert_file {
        None => "etcd demands a client certificate: set cert_file and key_file",
        Some(_) => {
            "etcd refuses the certificate in cert_file: check that it has not expired, \
             and that an authority which etcd trusts signed it"
        }
    }
}
