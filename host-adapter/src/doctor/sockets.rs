//! Which process listens on a port, as far as Linux tells this user.

use std::{fs, path::Path};

/// The state of a listening socket in `/proc/net/tcp`.
const LISTENING: &str = "0A";

/// The program and id of the process that listens on `port`. `None` on other systems than Linux, and if
/// the process belongs to another user.
pub(super) fn listening_process(port: u16) -> Option<(String, u32)> {
    let sockets: Vec<String> = ["/proc/net/tcp", "/proc/net/tcp6"]
        .into_iter()
        .flat_map(|table| inodes(&fs::read_to_string(table).unwrap_or_default(), port))
        .map(|inode| format!("socket:[{inode}]"))
        .collect();
    let processes = fs::read_dir("/proc").ok()?.flatten();
    let mut ids = processes.filter_map(|entry| entry.file_name().to_str()?.parse::<u32>().ok());
    let id = ids.find(|id| has_one(*id, &sockets))?;
    let program = fs::read_to_string(format!("/proc/{id}/comm")).ok()?;
    Some((program.trim().to_owned(), id))
}

/// The inodes of the sockets in a table that listen on `port`.
fn inodes(table: &str, port: u16) -> Vec<String> {
    let end = format!(":{port:04X}");
    let lines = table.lines().skip(1);
    let inodes = lines.filter_map(|line| {
        let mut columns = line.split_whitespace().skip(1);
        let (address, _, state) = (columns.next()?, columns.next()?, columns.next()?);
        let inode = columns.nth(5)?;
        (address.ends_with(&end) && state == LISTENING).then(|| inode.to_owned())
    });
    inodes.collect()
}

fn has_one(process: u32, sockets: &[String]) -> bool {
    let directory = format!("/proc/{process}/fd");
    let files = fs::read_dir(Path::new(&directory))
        .into_iter()
        .flatten()
        .flatten();
    let mut links = files.filter_map(|file| fs::read_link(file.path()).ok());
    links.any(|link| {
        sockets
            .iter()
            .any(|socket| link.as_os_str() == socket.as_str())
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn inode_of_a_listening_socket_is_found() {
        let table = "  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode\n   \
            0: 0100007F:0BB8 00000000:0000 0A 00000000:00000000 00:00000000 00000000  1000        0 4711 1\n   \
            1: 0100007F:0BB8 0100007F:CCCC 01 00000000:00000000 00:00000000 00000000  1000        0 4712 1\n";
        assert_eq!(inodes(table, 3_000), ["4711"]);
        assert!(inodes(table, 3_001).is_empty());
    }
}
