//! A capability that is not granted is denied. The log names the component and the missing grant.

use crate::support::{Builder, HostMode, wasm};
use rstest::rstest;

#[rstest]
#[tokio::test]
async fn a_component_without_grants_is_denied_everything(
    #[values(HostMode::Embedded, HostMode::Composed)] mode: HostMode,
) {
    let directory = tempfile::tempdir().expect("a directory");
    let manifest = format!(
        "spin_manifest_version = 2\n[application]\nname = \"faulty\"\n[[trigger.http]]\nroute = \"/...\"\n\
         component = \"faulty\"\n[component.faulty]\nsource = \"{}\"\n",
        wasm("faulty").display()
    );
    let write =
        |name: &str, text: &str| std::fs::write(directory.path().join(name), text).expect("write");
    // Another component has these grants, so the capabilities exist and are denied only to `faulty`.
    write(
        "adapter.toml",
        "[components.faulty]\n[components.user]\npostgres = true\ncollections = [\"events\"]\n",
    );
    write("spin.toml", &manifest);
    for service in ["faulty", "user"] {
        std::fs::create_dir_all(directory.path().join("components").join(service)).expect("create");
        write(&format!("components/{service}/spin.toml"), &manifest);
    }
    let app = Builder::new(mode).project(directory.path(), &["app", "faulty", "user"]);
    let app = app.start().await;
    for what in [
        "postgres",
        "documents",
        "dispatch",
        "passwords",
        "tokens.issue",
        "tokens.end",
        "tokens.verify",
        "subject-queries",
        "subject-documents",
        "envelopes",
    ] {
        assert_eq!(
            app.get(&format!("/adapter/{what}"))
                .send()
                .await
                .expect(200)
                .text,
            "denied",
            "{what}"
        );
    }
    for what in [
        "`postgres`",
        "`passwords`",
        "`tokens.issue`",
        "`tokens.verify`",
        "`envelopes`",
        "`documents`",
        "peer `user`",
    ] {
        app.wait_for_log(&format!("the denial of {what}"), |line| {
            let message = line["message"].as_str().unwrap_or_default();
            line["component"] == "faulty"
                && message.contains("not granted")
                && message.contains(what)
        })
        .await;
    }
}

#[test]
fn components_import_only_what_they_are_granted() {
    for (component, interfaces) in [
        (
            "user",
            &[
                "postgres",
                "documents",
                "passwords",
                "tokens",
                "subject-queries",
                "envelopes",
                "health",
            ][..],
        ),
        (
            "analytics",
            &[
                "documents",
                "dispatch",
                "tokens",
                "subject-documents",
                "envelopes",
                "health",
            ][..],
        ),
        ("gateway", &["dispatch", "health"][..]),
    ] {
        let bytes = std::fs::read(wasm(component)).expect("the component");
        let all = [
            "postgres",
            "documents",
            "dispatch",
            "passwords",
            "tokens",
            "subject-queries",
            "subject-documents",
            "envelopes",
            "health",
        ];
        for interface in all {
            let name = format!("spindle:adapter/{interface}@0.1.0");
            let imports = bytes
                .windows(name.len())
                .any(|window| window == name.as_bytes());
            assert_eq!(
                imports,
                interfaces.contains(&interface),
                "{component}: {interface}"
            );
        }
        assert!(
            bytes.len() < 1_500_000,
            "{component}.wasm has {} bytes",
            bytes.len()
        );
    }
}
