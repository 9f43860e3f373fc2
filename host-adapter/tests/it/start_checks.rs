//! What `up` and `serve` check before they start anything: files that contradict each other.

use std::process::Output;

use crate::support::{
    scratch::{Scratch, manifest, manifest_of, warnings},
    wasm,
};

/// Grants for everything that `faulty` imports.
const GRANTED: &str = "[components.faulty]\npostgres = true\ncollections = [\"events\"]\npeers = [\"user\"]\n\
    passwords = true\ntokens = [\"issue\", \"verify\"]\nenvelopes = [\"client\"]\n\
    [components.user]\nenvelopes = [\"faulty\"]\n";

/// The manifest of a component that Spin would compose with adapter-client.
fn manifest_with_token(token: &str) -> String {
    format!(
        "{}variables = {{ adapter_token = \"{{{{ {token} }}}}\" }}\n\
         [component.faulty.dependencies]\n\"spindle:adapter\" = {{ path = \"client.wasm\" }}\n\
         [variables]\n{token} = {{ required = true }}\n",
        manifest()
    )
}

#[track_caller]
fn expect_warning(output: &Output, parts: &[&str]) {
    let all = warnings(output);
    let found = all
        .iter()
        .any(|warning| parts.iter().all(|part| warning.contains(part)));
    assert!(found, "{parts:?} is not in: {all:#?}\n{output:?}");
}

/// The command must refuse to start with all of these parts, and start nothing.
#[track_caller]
fn expect_refusal(output: &Output, parts: &[&str]) {
    let text = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(1), "{text}");
    for part in parts {
        assert!(text.contains(part), "`{part}` is not in: {text}");
    }
    assert!(
        !text.contains("connecting to"),
        "it did not stop before the database: {text}"
    );
}

#[test]
fn an_import_without_its_grant_names_the_line_to_add() {
    // The other component needs a database, and there is none: the start ends there.
    let settings = "[components.faulty]\n[components.other]\npostgres = true\n";
    let output = Scratch::new(settings).run(&["up"]);
    for (import, line) in [
        ("`spindle:adapter/postgres`", "`postgres = true`"),
        ("`spindle:adapter/documents`", "`collections = [\"…\"]`"),
        ("`spindle:adapter/dispatch`", "`peers = [\"…\"]`"),
        ("`spindle:adapter/passwords`", "`passwords = true`"),
        (
            "`issue`, `end` of `spindle:adapter/tokens`",
            "`tokens = [\"issue\"]`",
        ),
        ("`spindle:adapter/tokens`", "`tokens = [\"verify\"]`"),
        ("`spindle:adapter/envelopes`", "`envelopes = [\"client\"]`"),
    ] {
        expect_warning(
            &output,
            &[
                "`faulty`",
                import,
                line,
                "`[components.faulty]` in adapter.toml",
            ],
        );
    }
}

#[test]
fn a_half_granted_interface_keeps_the_other_half() {
    let settings = GRANTED.replace("[\"issue\", \"verify\"]", "[\"verify\"]");
    let output = Scratch::new(&settings).run(&["up"]);
    expect_warning(
        &output,
        &["`issue`, `end`", "`tokens = [\"issue\", \"verify\"]`"],
    );
}

#[test]
fn a_project_that_agrees_starts_without_a_warning() {
    let scratch = Scratch::new(
        &GRANTED
            .replace("[components.user]\nenvelopes = [\"faulty\"]\n", "")
            .replace("\"user\"", "\"faulty\"")
            .replace("\"client\"", "\"client\", \"faulty\""),
    );
    let output = scratch.run(&["up"]);
    assert_eq!(warnings(&output), Vec::<String>::new());
    let text = String::from_utf8_lossy(&output.stderr);
    assert!(text.contains("connecting to PostgreSQL"), "{text}");
}

#[test]
fn a_peer_that_does_not_hear_the_sender_is_named() {
    let settings = "[components.user]\npostgres = true\npeers = [\"analytics\"]\n\
        [components.analytics]\nenvelopes = [\"client\"]\n";
    let start = |settings: &str| {
        let scratch = Scratch::new(settings);
        scratch.write("spin.toml", &manifest_of("user"));
        scratch.run(&["up"])
    };
    expect_warning(
        &start(settings),
        &[
            "`analytics` does not hear `user`",
            "`envelopes = [\"client\", \"user\"]` into `[components.analytics]` in adapter.toml",
        ],
    );
    // Calls to every peer are not messages to all of them, and `faulty` sends none.
    let every = settings.replace("[\"analytics\"]", "[\"*\"]");
    let calls = Scratch::new(&GRANTED.replace("[\"faulty\"]", "[\"client\"]"));
    for output in [start(&every), calls.run(&["up"])] {
        let warned = warnings(&output);
        assert!(
            !warned.iter().any(|text| text.contains("does not hear")),
            "{warned:?}"
        );
    }
}

#[test]
fn a_table_of_a_peer_that_changes_nothing_is_named() {
    let settings = format!("{GRANTED}[peers.user]\n[peers.billing]\n");
    let output = Scratch::new(&settings).run(&["up"]);
    expect_warning(&output, &["`[peers.user]`", "changes nothing", "remove it"]);
    expect_warning(
        &output,
        &[
            "`[peers.billing]`",
            "not a component",
            "`url = \"http://…\"`",
        ],
    );
    let output = Scratch::new(&format!("{GRANTED}[peers.user]\n"))
        .env("SPINDLE_PEERS_USER_URL", "http://127.0.0.1:1")
        .run(&["up"]);
    assert!(
        !warnings(&output)
            .iter()
            .any(|text| text.contains("[peers.user]"))
    );
}

#[test]
fn manifests_that_disagree_name_key_and_file() {
    let scratch = Scratch::new(GRANTED);
    let own = format!(
        "{}variables = {{ colour = \"red\" }}\nallowed_outbound_hosts = [\"http://a\"]\n\
         environment = {{ SHAPE = \"round\" }}\n[variables]\nlevel = {{ default = \"1\" }}\n",
        manifest()
    );
    scratch.write("components/faulty/spin.toml", &own);
    let root = format!(
        "{}environment = {{ SHAPE = \"flat\" }}\n[variables]\nlevel = {{ default = \"2\" }}\n",
        manifest()
    );
    scratch.write("spin.toml", &root);
    let output = scratch.run(&["up"]);
    let file = "components/faulty/spin.toml";
    expect_warning(
        &output,
        &[
            &format!("has `colour` in {file}, but not in spin.toml"),
            "add `colour = \"red\"` to `[component.faulty.variables]` in spin.toml",
        ],
    );
    expect_warning(
        &output,
        &[
            "`component.faulty.environment.SHAPE` is `\"flat\"` in spin.toml",
            file,
        ],
    );
    expect_warning(
        &output,
        &[
            "`component.faulty.allowed_outbound_hosts`",
            "http://a",
            file,
        ],
    );
    expect_warning(&output, &["`variables.level`", "default = \"2\"", file]);
}

#[test]
fn a_token_of_another_component_is_refused_for_spin() {
    let scratch = Scratch::new(GRANTED);
    scratch.write("spin.toml", &manifest_with_token("user_adapter_token"));
    let parts = [
        "component `faulty` of spin.toml takes its token from `{{ user_adapter_token }}`",
        "`adapter_token = \"{{ faulty_adapter_token }}\"`",
        "add `faulty_adapter_token = { required = true, secret = true }` to `[variables]` in spin.toml",
    ];
    expect_refusal(&scratch.run(&["serve"]), &parts);
    expect_warning(&scratch.run(&["up"]), &parts[..2]);
    scratch.write("spin.toml", &manifest_with_token("faulty_adapter_token"));
    let text = String::from_utf8(scratch.run(&["serve"]).stderr).expect("text");
    assert!(!text.contains("adapter_token"), "{text}");
}

#[test]
fn a_folder_of_no_component_is_named() {
    let scratch = Scratch::new(GRANTED);
    let package =
        |kind: &str| format!("[package]\nname = \"n\"\n[lib]\ncrate-type = [\"{kind}\"]\n");
    scratch.write("components/notes/Cargo.toml", &package("cdylib"));
    scratch.write("components/kit/Cargo.toml", &package("rlib"));
    let output = scratch.run(&["up"]);
    expect_warning(
        &output,
        &[
            "components/notes builds a component",
            "`[component.notes]`",
            "`[components.notes]` to adapter.toml",
        ],
    );
    assert!(
        !warnings(&output)
            .iter()
            .any(|text| text.contains("components/kit"))
    );
}

#[test]
fn all_that_prevents_the_start_is_told_at_once() {
    let scratch = Scratch::new(
        "[components.faulty]\n[components.notes]\n[components.text]\n[listen]\nnotes = \"127.0.0.1:0\"\n",
    );
    scratch.write(
        "spin.toml",
        &format!(
            "{}[component.fualty]\nsource = \"other.wasm\"\n[component.text]\nsource = \"text.wasm\"\n",
            manifest()
        ),
    );
    scratch.write("text.wasm", "text");
    expect_refusal(
        &scratch.run(&["up"]),
        &[
            "4 things keep it from starting",
            "`listen.notes` is 127.0.0.1:0, but neither spin.toml nor components/notes/spin.toml describes \
             component `notes`: add `[component.notes]` to spin.toml, or remove `notes = …` from \
             `[listen]` in adapter.toml",
            "component `fualty` of spin.toml has no grants; did you mean `faulty`?: add \
             `[components.fualty]` to adapter.toml",
            "component `fualty`: `other.wasm` was not found: build the components first",
            "component `text`",
            "not a WebAssembly component",
        ],
    );
}

#[test]
fn a_component_without_a_manifest_is_named() {
    let scratch = Scratch::new(&format!("{GRANTED}[components.notes]\n"));
    scratch.write("components/notes/spin.toml", &manifest());
    let output = scratch.run(&["up"]);
    expect_warning(
        &output,
        &[
            "`[components.notes]`",
            "no manifest describes",
            "`[component.notes]`",
        ],
    );
    expect_warning(
        &output,
        &["components/notes/spin.toml does not describe component `notes`"],
    );
}

#[test]
fn a_component_of_another_contract_is_refused() {
    let scratch = Scratch::new(GRANTED);
    let mut bytes = std::fs::read(wasm("faulty")).expect("a component");
    let name = b"spindle:adapter/postgres@0.1.0";
    let places: Vec<usize> = bytes
        .windows(name.len())
        .enumerate()
        .filter(|(_, window)| window == name)
        .map(|(place, _)| place)
        .collect();
    for place in places {
        bytes[place + name.len() - 3] = b'9';
    }
    std::fs::write(scratch.path().join("old.wasm"), bytes).expect("write");
    let path = wasm("faulty").display().to_string();
    scratch.write("spin.toml", &manifest().replace(&path, "old.wasm"));
    expect_refusal(
        &scratch.run(&["up"]),
        &[
            "component `faulty` was built for spindle:adapter 0.9.0",
            "provides 0.1.0",
            "./dev build",
        ],
    );
}

#[test]
fn a_typing_error_in_a_name_makes_no_key_or_migration() {
    let scratch = Scratch::new("[components.notes]\n");
    let commands = [
        ["keys", "generate", "--owner", "note", ""],
        ["migrate", "new", "--service", "note", "add title"],
    ];
    for command in commands {
        let arguments: Vec<&str> = command
            .into_iter()
            .filter(|word| !word.is_empty())
            .collect();
        let output = scratch.run(&arguments);
        let text = String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status.code(), Some(1), "{text}");
        assert!(text.contains("`note`; did you mean `notes`?"), "{text}");
    }
    assert!(!scratch.path().join("migrations").exists());
    assert!(!scratch.path().join(".spindle/keys").exists());
    let listed = scratch.run(&["keys", "generate", "--owner", "x"]);
    let text = String::from_utf8_lossy(&listed.stderr).into_owned();
    assert!(
        text.contains("known are `answers`, `client`, `notes`, `roles`, `tokens`"),
        "{text}"
    );
}
