//! A peer that rejects connections until the test makes it accept them.

use std::{
    io,
    net::{Shutdown, SocketAddr, TcpListener, TcpStream},
};

use socket2::{Domain, Socket, Type};

/// A reserved address that does not accept connections yet.
pub(crate) struct Peer {
    socket: Socket,
    address: SocketAddr,
}

impl Peer {
    /// Binds a socket without listening: it reserves the port, and connections are refused.
    pub(crate) fn reserve() -> Self {
        let socket = Socket::new(Domain::IPV4, Type::STREAM, None).expect("a socket");
        let any: SocketAddr = "127.0.0.1:0".parse().expect("an address");
        socket.bind(&any.into()).expect("bind");
        let address = socket
            .local_addr()
            .expect("address")
            .as_socket()
            .expect("IP");
        Self { socket, address }
    }

    pub(crate) fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// Accepts connections from now on, and forwards them to `url`.
    pub(crate) fn forward_to(self, url: &str) -> AcceptingPeer {
        let target: SocketAddr = url
            .trim_start_matches("http://")
            .parse()
            .expect("an address");
        self.accept(move |client| forward(client, target))
    }

    /// Accepts connections from now on, and never answers.
    pub(crate) fn hang(self) -> AcceptingPeer {
        self.accept(|client| {
            let _ = io::copy(&mut &client, &mut io::sink());
        })
    }

    fn accept(self, serve: impl Fn(TcpStream) + Clone + Send + 'static) -> AcceptingPeer {
        self.socket.listen(128).expect("listen");
        let listener: TcpListener = self.socket.into();
        std::thread::spawn(move || {
            for client in listener.incoming().map_while(Result::ok) {
                let serve = serve.clone();
                std::thread::spawn(move || serve(client));
            }
        });
        AcceptingPeer
    }
}

/// A peer that accepts connections until the test run ends.
pub(crate) struct AcceptingPeer;

fn forward(client: TcpStream, target: SocketAddr) {
    let Ok(server) = TcpStream::connect(target) else {
        return;
    };
    let (mut from_client, mut to_server) = (
        client.try_clone().expect("clone"),
        server.try_clone().expect("clone"),
    );
    let up = std::thread::spawn(move || {
        let _ = io::copy(&mut from_client, &mut to_server);
        let _ = to_server.shutdown(Shutdown::Write);
    });
    let (mut from_server, mut to_client) = (server, client);
    let _ = io::copy(&mut from_server, &mut to_client);
    let _ = to_client.shutdown(Shutdown::Write);
    let _ = up.join();
}
