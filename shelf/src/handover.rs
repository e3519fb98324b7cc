//! Passes descriptors over Unix sockets.

use std::io::{self, IoSlice, IoSliceMut};
use std::mem::MaybeUninit;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};

use rustix::net::{
    RecvAncillaryBuffer, RecvAncillaryMessage, RecvFlags, SendAncillaryBuffer, SendAncillaryMessage,
    SendFlags, recvmsg, sendmsg, sockopt,
};

/// The most descriptors of one message.
pub const MAX_FILES: usize = 4;

/// Lets only a few messages wait in `socket` until the other end receives them; the next one is an error.
///
/// Each descriptor in a message keeps its file in memory, and a process that is stopped receives none.
///
/// # Errors
/// Of the socket.
pub fn queue_little(socket: impl AsFd) -> io::Result<()> {
    // The kernel takes the least size that it knows instead, which is room for about six messages.
    Ok(sockopt::set_socket_send_buffer_size(socket, 1)?)
}

/// Sends `message` with `files` in one piece.
///
/// # Errors
/// Of the socket; also if it took only a part, or if there are more than [`MAX_FILES`].
pub fn send(socket: impl AsFd, message: &[u8], files: &[BorrowedFd<'_>]) -> io::Result<()> {
    let mut space = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(MAX_FILES))];
    let mut ancillary = SendAncillaryBuffer::new(&mut space);
    if !files.is_empty() && !ancillary.push(SendAncillaryMessage::ScmRights(files)) {
        return Err(io::Error::new(io::ErrorKind::InvalidInput, "too many descriptors"));
    }
    // A reader that died must not raise SIGPIPE in an application.
    let sent = sendmsg(socket, &[IoSlice::new(message)], &mut ancillary, SendFlags::NOSIGNAL)?;
    if sent == message.len() { Ok(()) } else { Err(io::ErrorKind::WriteZero.into()) }
}

/// Receives a part of a message, and the descriptors that came with it. Zero bytes mean that the other end is gone.
///
/// # Errors
/// Of the socket. Descriptors that do not fit are closed by the kernel, and are an error.
pub fn receive(socket: impl AsFd, buffer: &mut [u8]) -> io::Result<(usize, Vec<OwnedFd>)> {
    let mut space = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(MAX_FILES))];
    let mut ancillary = RecvAncillaryBuffer::new(&mut space);
    // Or a program that another thread starts right now would inherit them.
    let received = recvmsg(socket, &mut [IoSliceMut::new(buffer)], &mut ancillary, RecvFlags::CMSG_CLOEXEC)?;
    let files = ancillary.drain().flat_map(|message| match message {
        RecvAncillaryMessage::ScmRights(files) => files.collect::<Vec<_>>(),
        _ => Vec::new(),
    });
    let files = files.collect();
    if received.flags.contains(rustix::net::ReturnFlags::CTRUNC) {
        return Err(io::Error::new(io::ErrorKind::InvalidData, "descriptors were lost"));
    }
    Ok((received.bytes, files))
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::net::UnixStream;

    #[test]
    fn a_descriptor_arrives_as_another_one_for_the_same_file_which_programs_do_not_inherit() {
        let (one, other) = UnixStream::pair().unwrap();
        let file = rustix::fs::memfd_create("test", rustix::fs::MemfdFlags::CLOEXEC).unwrap();
        rustix::io::write(&file, b"content").unwrap();
        send(&one, b"hello", &[file.as_fd()]).unwrap();
        let mut message = [0; 16];
        let (len, files) = receive(&other, &mut message).unwrap();
        assert_eq!((&message[..len], files.len()), (&b"hello"[..], 1));
        let mut content = [0; 16];
        let len = rustix::io::pread(&files[0], &mut content, 0).unwrap();
        assert_eq!(&content[..len], b"content");
        assert!(rustix::io::fcntl_getfd(&files[0]).unwrap().contains(rustix::io::FdFlags::CLOEXEC));
    }

    #[test]
    fn what_was_sent_before_the_sender_died_still_arrives_and_then_the_end() {
        let (one, other) = UnixStream::pair().unwrap();
        let file = rustix::fs::memfd_create("test", rustix::fs::MemfdFlags::CLOEXEC).unwrap();
        send(&one, b"1", &[file.as_fd()]).unwrap();
        send(&one, b"2", &[]).unwrap();
        drop((one, file));
        let mut byte = [0; 16];
        let mut received = || receive(&other, &mut byte).map(|(len, files)| (len, files.len())).unwrap();
        assert_eq!([received(), received(), received()], [(1, 1), (1, 0), (0, 0)]);
    }

    #[test]
    fn to_a_reader_that_is_gone_sending_is_an_error_and_no_signal() {
        let (one, other) = UnixStream::pair().unwrap();
        drop(other);
        assert_eq!(send(&one, b"1", &[]).unwrap_err().kind(), io::ErrorKind::BrokenPipe);
    }

    #[test]
    fn a_reader_that_receives_nothing_keeps_few_files_in_memory() {
        let (one, other) = UnixStream::pair().unwrap();
        one.set_nonblocking(true).unwrap();
        queue_little(&one).unwrap();
        let file = rustix::fs::memfd_create("test", rustix::fs::MemfdFlags::CLOEXEC).unwrap();
        let sent = (0..100).take_while(|_| send(&one, b"8 bytes.", &[file.as_fd()]).is_ok()).count();
        assert!((2..=8).contains(&sent), "{sent}");
        receive(&other, &mut [0; 8]).unwrap();
        assert!(send(&one, b"8 bytes.", &[file.as_fd()]).is_ok());
    }
}
