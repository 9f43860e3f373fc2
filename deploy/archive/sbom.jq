# Makes a bill of materials (CycloneDX 1.6) of what is linked into the program and the components, from the
# output of `cargo metadata` for both targets, and the checksums in Cargo.lock.

# The closure of the roots over normal dependencies: not what only builds or tests need.
def linked($roots):
  (.resolve.nodes | map({ key: .id, value: [.deps[] | select(any(.dep_kinds[]; .kind == null)) | .pkg] }) | from_entries) as $edges
  | { seen: ($roots | map({ key: ., value: true }) | from_entries), todo: $roots }
  | until(.todo == [];
      .seen as $seen
      | ([.todo[] | $edges[.][]] | unique | map(select($seen[.] | not))) as $new
      | { seen: ($seen + ($new | map({ key: ., value: true }) | from_entries)), todo: $new })
  | .seen | keys | map({ id: ., dependencies: $edges[.] });

def identifiers($names): [.packages[] | select(.source == null) | select(.name as $name | $names | index($name)) | .id];

def checksums:
  [scan("name = \"([^\"]+)\"\nversion = \"([^\"]+)\"\nsource = \"[^\"]+\"\nchecksum = \"([0-9a-f]+)\"")]
  | map({ key: "\(.[0]) \(.[1])", value: .[2] }) | from_entries;

# Old crates separate alternatives by a slash.
def expression: gsub("\\s*/\\s*"; " OR ");

def reference: if .source then "pkg:cargo/\(.name)@\(.version)" else "spindle:\(.name)@\(.version)" end;

def component($checksums):
  { type: "library", "bom-ref": reference, name, version }
  + (if .source then { purl: reference } else {} end)
  + (if .description then { description: (.description | gsub("\\s+"; " ")) } else {} end)
  + (if .license then { licenses: [{ expression: (.license | expression) }] } else {} end)
  + ($checksums["\(.name) \(.version)"] as $sum | if $sum then { hashes: [{ alg: "SHA-256", content: $sum }] } else {} end);

$native[0] as $native | $wasm[0] as $wasm
# The components are the members of the workspace that are compiled for wasm32-wasip2.
| ($wasm.packages | map(select(.source == null and (.targets | any(.crate_types | index("cdylib"))) and (.manifest_path | test("/components/"))) | .name)) as $guests
| ($native | linked(identifiers(["host-adapter"]))) as $program
| ($wasm | linked(identifiers($guests))) as $components
| ($native.packages + $wasm.packages | unique_by(.id) | map({ key: .id, value: . }) | from_entries) as $packages
| ($lock | checksums) as $checksums
| ($program + $components | group_by(.id) | map({ id: .[0].id, dependencies: (map(.dependencies[]) | unique) })) as $all
| {
    "$schema": "http://cyclonedx.org/schema/bom-1.6.schema.json",
    bomFormat: "CycloneDX",
    specVersion: "1.6",
    version: 1,
    metadata: {
      timestamp: $time,
      component: { type: "application", "bom-ref": "spindle", name: "spindle", version: $version, licenses: [{ expression: "MIT OR Apache-2.0" }] }
    },
    components: ($all | map($packages[.id] | component($checksums)) | sort_by(."bom-ref")),
    dependencies: (
      [{ ref: "spindle", dependsOn: (["host-adapter"] + $guests | map($packages[] as $p | select($p.source == null and $p.name == .) | $p | reference) | unique) }]
      + ($all | map({ ref: ($packages[.id] | reference), dependsOn: (.dependencies | map($packages[.] | reference) | unique) }) | sort_by(.ref))
    )
  }
