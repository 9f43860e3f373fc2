//! Migrations of indexes on documents: `migrations/<service>/0001_….indexes.toml`, numbered together
//! with the service's SQL migrations.
//!
//! The applied files are recorded in the document store itself, in a collection of the adapter. Each
//! store has its own indexes, so the files are applied again after a change of store. A record contains
//! the names of the indexes, so that they can be removed without the file.

use std::path::Path;

use anyhow::Context as _;
use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};

use super::migrations::{State, Status};
use adapter_capabilities::documents::{
    Collection, Documents, Index, IndexError, Limits, Query, Store,
};

/// How the name of a file ends.
const SUFFIX: &str = ".indexes.toml";

/// The indexes of one service in one store.
#[derive(Debug)]
pub struct Indexes<'a> {
    /// The name of the service.
    pub service: &'a str,
    /// The folder that contains a folder per service.
    pub directory: &'a Path,
    /// The store; `None` if no component is granted a collection.
    pub store: Option<Store>,
    /// The collections that the service is granted. It can declare indexes only on these.
    pub collections: &'a [String],
}

/// A file that was read and checked.
struct Declared {
    version: i64,
    description: String,
    checksum: String,
    indexes: Vec<Index>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Content {
    index: Vec<Declaration>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Declaration {
    collection: String,
    name: String,
    fields: Vec<String>,
    #[serde(default)]
    unique: bool,
}

/// The record of an applied file.
#[derive(Serialize, Deserialize)]
struct Record {
    #[serde(rename = "_id")]
    id: String,
    service: String,
    version: i64,
    description: String,
    checksum: String,
    indexes: Vec<Made>,
}

#[derive(Serialize, Deserialize)]
struct Made {
    collection: String,
    name: String,
}

/// An index that is not what the applied files say.
#[derive(Debug, PartialEq, Eq)]
pub enum Difference {
    /// The store lacks it.
    Missing(Index),
    /// No file declares it.
    Extra(Index),
    /// The store has another one of that name.
    Other {
        /// The index in the store.
        live: Index,
        /// The index of the file.
        declared: Index,
    },
}

impl Indexes<'_> {
    /// Checks all files in advance, so that nothing of a service is applied if one of them is invalid.
    ///
    /// # Errors
    ///
    /// A file is invalid or cannot be read.
    pub fn check(&self) -> anyhow::Result<()> {
        self.files().map(|_| ())
    }

    /// Applies the pending files and returns them.
    ///
    /// # Errors
    ///
    /// An index could not be created. Nothing of its file is applied; earlier files stay applied.
    pub async fn run(&self) -> anyhow::Result<Vec<Status>> {
        let pending: Vec<i64> = self
            .status()
            .await?
            .into_iter()
            .filter(|status| status.state == State::Pending)
            .map(|status| status.version)
            .collect();
        let mut done = Vec::new();
        for file in self.files()? {
            if pending.contains(&file.version) {
                self.apply(&file)
                    .await
                    .with_context(|| self.label("applying"))?;
                done.push(file.status(State::Applied));
            }
        }
        Ok(done)
    }

    /// Reverts the latest applied file and returns it.
    ///
    /// # Errors
    ///
    /// The store failed. It is not an error if an index does not exist any more.
    pub async fn revert(&self) -> anyhow::Result<Option<Status>> {
        let Some(latest) = self.records().await?.pop() else {
            return Ok(None);
        };
        let store = self.store()?;
        for made in &latest.indexes {
            let collection = Collection::new(&made.collection)?;
            store
                .drop_index(&collection, &made.name)
                .await
                .with_context(|| self.label("reverting"))?;
        }
        let filter = serde_json::json!({ "_id": latest.id }).to_string();
        let records = self.recorded()?;
        records
            .remove(Collection::migrations().as_str(), &filter)
            .await?;
        Ok(Some(Status {
            version: latest.version,
            description: latest.description,
            state: State::Applied,
        }))
    }

    /// Returns every file that is in the folder or in the records, in order.
    ///
    /// # Errors
    ///
    /// A file or the store cannot be read.
    pub async fn status(&self) -> anyhow::Result<Vec<Status>> {
        let (files, records) = (self.files()?, self.records().await?);
        let mut all: Vec<Status> = files
            .iter()
            .map(|file| {
                let record = records.iter().find(|record| record.version == file.version);
                file.status(match record {
                    None => State::Pending,
                    Some(record) if record.checksum == file.checksum => State::Applied,
                    Some(_) => State::Changed,
                })
            })
            .collect();
        let gone = records
            .iter()
            .filter(|record| files.iter().all(|file| file.version != record.version));
        all.extend(gone.map(|record| Status {
            version: record.version,
            description: record.description.clone(),
            state: State::Missing,
        }));
        all.sort_by_key(|status| status.version);
        Ok(all)
    }

    /// Creates all indexes of a file, or none.
    async fn apply(&self, file: &Declared) -> anyhow::Result<()> {
        let store = self.store()?;
        let mut made: Vec<&Index> = Vec::new();
        for index in &file.indexes {
            match store.create_index(index).await {
                Ok(true) => made.push(index),
                Ok(false) => {}
                Err(error) => {
                    for index in made {
                        store.drop_index(index.collection(), index.name()).await?;
                    }
                    return Err(error.into());
                }
            }
        }
        let record = serde_json::to_string(&self.record(file))?;
        let records = self.recorded()?;
        // If the record exists already, another adapter starts at the same time and wrote it.
        records
            .insert(Collection::migrations().as_str(), &[record])
            .await?;
        Ok(())
    }

    fn record(&self, file: &Declared) -> Record {
        let made = |index: &Index| Made {
            collection: index.collection().as_str().to_owned(),
            name: index.name().to_owned(),
        };
        Record {
            id: format!("{}/{:04}", self.service, file.version),
            service: self.service.to_owned(),
            version: file.version,
            description: file.description.clone(),
            checksum: file.checksum.clone(),
            indexes: file.indexes.iter().map(made).collect(),
        }
    }

    /// Reads the records, in order.
    async fn records(&self) -> anyhow::Result<Vec<Record>> {
        if self.store.is_none() {
            return Ok(Vec::new());
        }
        let query = Query {
            filter: serde_json::json!({ "service": self.service }).to_string(),
            sort: Vec::new(),
            skip: 0,
            limit: 0,
        };
        let found = self
            .recorded()?
            .find(Collection::migrations().as_str(), &query)
            .await
            .context("reading the applied index migrations")?;
        let mut records = found
            .iter()
            .map(|text| serde_json::from_str(text))
            .collect::<Result<Vec<Record>, _>>()?;
        records.sort_by_key(|record| record.version);
        Ok(records)
    }

    /// Compares the indexes in the store with those of the applied files, by name.
    ///
    /// # Errors
    ///
    /// The store failed, or a file is invalid.
    pub async fn differences(&self) -> anyhow::Result<Vec<Difference>> {
        let records = self.records().await?;
        let applied: Vec<i64> = records.iter().map(|record| record.version).collect();
        let files = self.files()?.into_iter();
        let files = files.filter(|file| applied.contains(&file.version));
        let declared: Vec<Index> = files.flat_map(|file| file.indexes).collect();
        let mut live = Vec::new();
        for name in self.collections {
            live.extend(self.store()?.indexes(&Collection::new(name)?).await?);
        }
        Ok(differences(&live, &declared))
    }

    fn store(&self) -> anyhow::Result<&Store> {
        let service = self.service;
        self.store.as_ref().with_context(|| {
            format!("`{service}` declares indexes, but no component is granted a collection")
        })
    }

    fn recorded(&self) -> anyhow::Result<Documents> {
        let collections = [Collection::migrations()];
        let store = self.store()?.clone();
        Ok(Documents::new(
            "migrations",
            store,
            &collections,
            Limits::default(),
        ))
    }

    /// Reads and checks the files, in order.
    fn files(&self) -> anyhow::Result<Vec<Declared>> {
        let folder = self.directory.join(self.service);
        if !folder.exists() {
            return Ok(Vec::new());
        }
        let (mut files, mut others) = (Vec::new(), Vec::new());
        let entries =
            std::fs::read_dir(&folder).with_context(|| format!("reading {}", folder.display()))?;
        for entry in entries {
            let path = entry?.path();
            let name = path.file_name().unwrap_or_default().to_string_lossy();
            match name.strip_suffix(SUFFIX) {
                Some(stem) => files.push(
                    self.read(stem, &path)
                        .with_context(|| format!("reading {}", path.display()))?,
                ),
                None => others.extend(version(&name)),
            }
        }
        files.sort_by_key(|file: &Declared| file.version);
        let numbers = files.iter().map(|file| file.version);
        let twice = numbers
            .clone()
            .find(|number| others.contains(number))
            .or_else(|| {
                let mut pairs = files.windows(2);
                pairs.find_map(|pair| match pair {
                    [one, other] if one.version == other.version => Some(one.version),
                    _ => None,
                })
            });
        match twice {
            Some(number) => {
                anyhow::bail!("two migrations of `{}` have number {number}", self.service)
            }
            None => Ok(files),
        }
    }

    fn read(&self, stem: &str, path: &Path) -> anyhow::Result<Declared> {
        let (number, description) = stem.split_once('_').unwrap_or((stem, ""));
        let version = number
            .parse()
            .context("the file name must begin with a number")?;
        let text = std::fs::read_to_string(path)?;
        let content: Content = toml::from_str(&text)?;
        let mut indexes = Vec::new();
        for declaration in content.index {
            let granted = self.collections.contains(&declaration.collection);
            anyhow::ensure!(
                granted,
                "`{}` is not granted collection `{}`",
                self.service,
                declaration.collection
            );
            indexes.push(declaration.checked()?);
        }
        Ok(Declared {
            version,
            description: description.replace('_', " "),
            checksum: hex::encode(Sha256::digest(text.as_bytes())),
            indexes,
        })
    }

    fn label(&self, doing: &str) -> String {
        format!("{doing} indexes of `{}`", self.service)
    }
}

impl Declaration {
    fn checked(self) -> Result<Index, IndexError> {
        Index::new(&self.collection, &self.name, &self.fields, self.unique)
    }
}

impl Declared {
    fn status(&self, state: State) -> Status {
        Status {
            version: self.version,
            description: self.description.clone(),
            state,
        }
    }
}

fn differences(live: &[Index], declared: &[Index]) -> Vec<Difference> {
    let of_declared = declared.iter().filter_map(|declared| {
        match live.iter().find(|live| is_same_name(live, declared)) {
            None => Some(Difference::Missing(declared.clone())),
            Some(live) if live == declared => None,
            Some(live) => Some(Difference::Other {
                live: live.clone(),
                declared: declared.clone(),
            }),
        }
    });
    let extra = live
        .iter()
        .filter(|live| !declared.iter().any(|one| is_same_name(live, one)))
        .map(|live| Difference::Extra(live.clone()));
    of_declared.chain(extra).collect()
}

fn is_same_name(one: &Index, other: &Index) -> bool {
    (one.collection(), one.name()) == (other.collection(), other.name())
}

/// Returns the number at the beginning of a file's name.
fn version(name: &str) -> Option<i64> {
    name.split('_').next()?.parse().ok()
}
