//! `host-adapter doctor`: what keeps this project from working on this machine, and what to do about
//! it.
//!
//! It changes nothing: no file, no database, no process. Every check has a time limit, reports all that
//! it finds, and works if the other checks fail. One file is one check.

mod clock;
mod connections;
mod database;
mod disk;
mod drift;
mod keys;
mod migrations;
mod mongodb;
mod peers;
mod ports;
mod programs;
pub mod report;
mod rights;
mod roles;
mod sockets;
mod toolchain;
mod versions;

use std::path::Path;

use crate::{
    checks::{self, Finding, Host, Project},
    config::Settings,
};

/// What is examined.
pub struct Subject<'a> {
    /// The project's directory.
    pub directory: &'a Path,
    /// The settings file, relative to the project.
    pub file: &'a Path,
    /// What is in it.
    pub settings: &'a Settings,
    /// Where the private PostgreSQL of a laptop is.
    pub private_postgres: &'a Path,
    /// The database in it.
    pub private_database: &'a str,
}

/// Runs every check.
pub async fn examine(subject: &Subject<'_>) -> Vec<Finding> {
    let settings = subject.settings;
    let mut findings = toolchain::check(subject.directory).await;
    findings.extend(versions::check(subject.directory).await);
    findings.extend(check_project(subject));
    findings.extend(ports::check(settings));
    findings.extend(keys::check(settings));
    findings.extend(disk::check(subject));
    let (found, database) = database::check(subject).await;
    findings.extend(found);
    if let Some(mut database) = database {
        findings.extend(clock::check(&mut database, settings).await);
        findings.extend(connections::check(&mut database, settings).await);
        findings.extend(rights::check(&mut database).await);
        findings.extend(migrations::check(&database, settings).await);
        findings.extend(drift::check(&database, settings).await);
    }
    findings.extend(roles::check(settings).await);
    findings.extend(mongodb::check(settings).await);
    findings.extend(peers::check(settings).await);
    findings
}

/// What `up` and `serve` check at their start, and more.
fn check_project(subject: &Subject<'_>) -> Vec<Finding> {
    let project = Project::read(subject.directory, subject.file, subject.settings);
    let findings = checks::thorough(&project, Host::Embedded);
    if findings.is_empty() {
        let text = if project.has_application() {
            "settings, manifests and components agree"
        } else {
            "there is no spin.toml here, so components are not compared with the settings"
        };
        return vec![Finding::fine("project", text)];
    }
    findings
}
