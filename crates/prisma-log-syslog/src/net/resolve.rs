//! Names to addresses, without waiting for a name server for ever.

use std::net::{SocketAddr, ToSocketAddrs};
use std::sync::mpsc::channel;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use prisma_log_core::Error;

use crate::transport::Address;

/// How long a name server may take.
const PATIENCE: Duration = Duration::from_secs(5);

/// A host's addresses, asked for anew each time; the last ones known when nobody answers.
pub(crate) struct Resolver {
    address: Address,
    last: Mutex<Vec<SocketAddr>>,
}

impl Resolver {
    pub(crate) fn new(address: Address) -> Self {
        Resolver { address, last: Mutex::new(Vec::new()) }
    }

    pub(crate) fn address(&self) -> &Address {
        &self.address
    }

    /// # Errors
    /// When the name is not known, or nobody answers within five seconds, and never did.
    pub(crate) fn resolve(&self) -> Result<Vec<SocketAddr>, Error> {
        if let Some(address) = self.address.literal {
            return Ok(vec![address]);
        }
        self.resolve_with(PATIENCE, |host, port| {
            (host, port).to_socket_addrs().map(|addresses| addresses.collect())
        })
    }

    fn resolve_with(
        &self,
        patience: Duration,
        ask: impl FnOnce(&str, u16) -> std::io::Result<Vec<SocketAddr>> + Send + 'static,
    ) -> Result<Vec<SocketAddr>, Error> {
        let (sender, receiver) = channel();
        let Address { host, port, .. } = self.address.clone();
        let asking = std::thread::Builder::new()
            .name("prisma-resolve".to_owned())
            .spawn(move || drop(sender.send(ask(&host, port))));
        let answer = match asking {
            Ok(_) => receiver.recv_timeout(patience).map_err(|_| {
                Error::state(format!(
                    "no name server told the address of {} within {patience:?}",
                    self.address.host
                ))
            }),
            Err(error) => Err(Error::io("cannot start a thread", error)),
        };
        let answer = answer.and_then(|answer| {
            answer.map_err(|error| {
                Error::io(format!("cannot find the address of {}", self.address.host), error)
            })
        });
        let mut last = self.last.lock().unwrap_or_else(PoisonError::into_inner);
        match answer {
            Ok(addresses) if !addresses.is_empty() => {
                last.clone_from(&addresses);
                Ok(addresses)
            }
            Ok(_) => Err(Error::state(format!("{} has no address", self.address.host))),
            Err(error) if last.is_empty() => Err(error),
            Err(_) => Ok(last.clone()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_answer_holds_until_there_is_another() {
        let resolver = Resolver::new(Address::parse("logs.invalid", 514).unwrap());
        let one: SocketAddr = "10.0.0.1:514".parse().unwrap();
        let other: SocketAddr = "10.0.0.2:514".parse().unwrap();
        let patience = Duration::from_secs(60);
        let gone = || Err(std::io::ErrorKind::NotFound.into());
        assert!(resolver.resolve_with(patience, move |_, _| gone()).is_err());
        let slow = |_: &str, _: u16| {
            std::thread::sleep(Duration::from_millis(300));
            Ok(vec![])
        };
        assert!(resolver.resolve_with(Duration::from_millis(1), slow).unwrap_err().is_state());
        assert_eq!(resolver.resolve_with(patience, move |_, _| Ok(vec![one])).unwrap(), [one]);
        assert_eq!(resolver.resolve_with(patience, move |_, _| gone()).unwrap(), [one]);
        assert_eq!(resolver.resolve_with(Duration::from_millis(1), slow).unwrap(), [one]);
        assert_eq!(resolver.resolve_with(patience, move |_, _| Ok(vec![other])).unwrap(), [other]);
    }

    #[test]
    fn a_number_is_nobody_s_to_tell() {
        let resolver = Resolver::new(Address::parse("[::1]:7", 514).unwrap());
        assert_eq!(resolver.resolve().unwrap(), ["[::1]:7".parse().unwrap()]);
    }
}
