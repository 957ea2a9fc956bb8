//! What is known of the other end.

use std::net::TcpListener;

use super::*;

const LONG: Duration = Duration::from_secs(60);

fn tcp() -> (Link, TcpStream) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let ours = TcpStream::connect(listener.local_addr().unwrap()).unwrap();
    let (theirs, _) = listener.accept().unwrap();
    (Link::new(Socket::Tcp(ours)).unwrap(), theirs)
}

/// Fills both kernels' buffers.
fn fill(link: &mut Link) -> u64 {
    let mut fed = 0;
    loop {
        link.feed(&[b'x'; 10_000]);
        fed += 10_000;
        if link.push(Instant::now() + Duration::from_millis(20)) == Progress::Slow {
            return fed;
        }
    }
}

#[test]
fn what_the_other_kernel_acknowledged_is_known_after_a_reset_too() {
    let (mut link, theirs) = tcp();
    let fed = fill(&mut link);
    let deadline = Instant::now() + LONG;
    let received = loop {
        let received = rustix::io::ioctl_fionread(&theirs).unwrap();
        if link.there() == received {
            break received;
        }
        assert!(Instant::now() < deadline, "{} and {received}", link.there());
        std::thread::sleep(Duration::from_millis(1));
    };
    assert!(received > 0 && received < link.taken() && link.taken() < fed);
    // Closed with something unread: that is a reset.
    drop(theirs);
    while !link.has_ended() {
        assert!(Instant::now() < deadline);
        link.read();
    }
    assert_eq!(link.there(), received);
    assert!(matches!(link.take_end(), Some(End::Broken(_))));
    link.abandon();
}

/// Makes two bytes of each.
struct Doubling;

impl Session for Doubling {
    fn encrypt(&mut self, frames: &[u8], out: &mut Vec<u8>) -> io::Result<()> {
        out.extend(frames.iter().flat_map(|&byte| [byte, byte]));
        Ok(())
    }
    fn pending(&mut self, _: &mut Vec<u8>) {}
    fn read(&mut self, socket: &mut Socket) -> io::Result<bool> {
        Ok(socket.read(&mut [0; 100])? > 0)
    }
    fn is_ready(&mut self, _: Instant) -> bool {
        true
    }
    fn was_closed(&self) -> bool {
        false
    }
    fn say_goodbye(&mut self, _: &mut Vec<u8>) {}
}

#[test]
fn an_encrypted_piece_is_there_when_all_of_it_is() {
    let (mut link, theirs) = tcp();
    link.session = Some(Box::new(Doubling));
    let fed = fill(&mut link);
    let deadline = Instant::now() + LONG;
    // Until everything that fits there is there.
    let mut before = 0;
    let received = loop {
        let received = rustix::io::ioctl_fionread(&theirs).unwrap();
        let there = link.there();
        if received == before && link.acknowledged == received {
            assert_eq!(there, received / 20_000 * 10_000);
            break received;
        }
        assert!(Instant::now() < deadline);
        before = received;
        std::thread::sleep(Duration::from_millis(5));
    };
    assert!(received > 0 && link.there() < link.taken() && link.taken() < fed);
    drop(theirs);
    while !link.has_ended() {
        assert!(Instant::now() < deadline);
        link.read();
    }
    assert_eq!(link.there(), received / 20_000 * 10_000);
    link.abandon();
}

#[test]
fn a_closed_connection_is_no_broken_one() {
    let (mut link, mut theirs) = tcp();
    link.feed(b"one");
    assert_eq!(link.push(Instant::now() + LONG), Progress::All);
    let mut read = [0; 3];
    theirs.read_exact(&mut read).unwrap();
    drop(theirs);
    let deadline = Instant::now() + LONG;
    while !link.has_ended() {
        assert!(Instant::now() < deadline);
        link.read();
    }
    assert_eq!((link.taken(), link.there()), (3, 3));
    assert!(matches!(link.take_end(), Some(End::Closed)));
}

#[test]
fn a_unix_stream_counts_only_what_was_read() {
    let (ours, mut theirs) = UnixStream::pair().unwrap();
    let mut link = Link::new(Socket::Unix(ours)).unwrap();
    link.feed(b"one");
    assert_eq!(link.push(Instant::now() + LONG), Progress::All);
    assert_eq!((link.taken(), link.there()), (3, 0));
    let mut read = [0; 3];
    theirs.read_exact(&mut read).unwrap();
    assert_eq!(link.there(), 3);
    link.feed(b"two");
    assert_eq!(link.push(Instant::now() + LONG), Progress::All);
    // The kernel lets go of what was not read.
    drop(theirs);
    assert_eq!(link.there(), 3);
}
