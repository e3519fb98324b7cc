//! A name server for tests, on its own loopback port.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};

use hickory_resolver::config::ResolverOpts;
use tokio::net::UdpSocket;

use super::name_servers::NameServers;

pub(super) const A: u16 = 1;
pub(super) const AAAA: u16 = 28;
pub(super) const SRV: u16 = 33;

/// The answer to a query.
pub(super) enum Answer {
    /// Records, each given by the bytes of its data.
    Records(Vec<Vec<u8>>),
    /// An error, given by its DNS response code.
    Refusal(u8),
    Silence,
}

pub(super) const SERVER_FAILURE: u8 = 2;
pub(super) const NO_SUCH_NAME: u8 = 3;

/// An answer with those `addresses` that belong to the record type `kind`.
pub(super) fn addresses(kind: u16, addresses: &[&str]) -> Answer {
    let bytes = |text: &&str| match (text.parse(), kind) {
        (Ok(IpAddr::V4(four)), A) => Some(four.octets().to_vec()),
        (Ok(IpAddr::V6(six)), AAAA) => Some(six.octets().to_vec()),
        _ => None,
    };
    Answer::Records(addresses.iter().filter_map(bytes).collect())
}

/// The data of an SRV record.
pub(super) fn service(priority: u16, port: u16, target: &str) -> Vec<u8> {
    let mut data = [priority, 0, port].map(u16::to_be_bytes).concat();
    for label in target.split('.').filter(|label| !label.is_empty()) {
        data.push(u8::try_from(label.len()).unwrap());
        data.extend(label.as_bytes());
    }
    data.push(0);
    data
}

/// Answers each query with `answer(name, record_type)` until the test ends.
///
/// The name is in lower case and has no dot at its end.
pub(super) async fn serve(answer: impl Fn(&str, u16) -> Answer + Send + 'static) -> SocketAddr {
    let socket = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
    let address = socket.local_addr().unwrap();
    tokio::spawn(async move {
        let mut buffer = [0; 2048];
        while let Ok((length, from)) = socket.recv_from(&mut buffer).await {
            if let Some(reply) = reply(&buffer[..length], &answer) {
                socket.send_to(&reply, from).await.unwrap();
            }
        }
    });
    address
}

fn reply(query: &[u8], answer: &impl Fn(&str, u16) -> Answer) -> Option<Vec<u8>> {
    let (mut at, mut labels) = (12, Vec::new());
    while query[at] > 0 {
        let end = at + 1 + usize::from(query[at]);
        labels.push(String::from_utf8_lossy(&query[at + 1..end]).to_lowercase());
        at = end;
    }
    let kind = [query[at + 1], query[at + 2]];
    let (code, records) = match answer(&labels.join("."), u16::from_be_bytes(kind)) {
        Answer::Records(records) => (0, records),
        Answer::Refusal(code) => (code, Vec::new()),
        Answer::Silence => return None,
    };
    let count = u8::try_from(records.len()).unwrap();
    let mut reply = vec![query[0], query[1], 0x81, 0x80 | code, 0, 1, 0, count, 0, 0, 0, 0];
    reply.extend(&query[12..at + 5]);
    for data in records {
        let length = u16::try_from(data.len()).unwrap().to_be_bytes();
        reply.extend([0xc0, 12, kind[0], kind[1], 0, 1, 0, 0, 0, 5, length[0], length[1]]);
        reply.extend(data);
    }
    Some(reply)
}

/// The name servers at `addresses`, in the order in which they are asked.
pub(super) fn name_servers(addresses: &[SocketAddr], search: &[&str]) -> NameServers {
    let search: Vec<String> = search.iter().map(ToString::to_string).collect();
    NameServers::new(addresses.to_vec(), &search, ResolverOpts::default()).unwrap()
}
