//! Queries that return or count documents.

use mongodb::{
    Cursor,
    bson::{Binary, Bson, Document, RawDocument, RawDocumentBuf, doc, spec::BinarySubtype},
    error::Error as DriverError,
};

use super::super::{Bounds, Collection, Error, Filter, Path, Sort};
use super::{MongoDb, bson, connection::Connection, filter};

impl MongoDb {
    pub(in crate::documents) async fn find(
        &self,
        collection: &Collection,
        filter: &Filter,
        sort: &Sort,
        bounds: Bounds,
    ) -> Result<Vec<String>, Error> {
        let (name, time) = (collection.as_str().to_owned(), self.connection.max_time());
        let (filter, sort) = (
            filter::translate_filter(filter),
            filter::translate_sort(sort),
        );
        self.connection
            .run_checked(move |database| async move {
                let cursor = database
                    .collection::<RawDocumentBuf>(&name)
                    .find(filter)
                    .sort(sort)
                    .skip(bounds.skip.into())
                    .limit(bounds.limit.into())
                    // Sorting without an index may exceed the server's memory limit.
                    .allow_disk_use(true)
                    .max_time(time)
                    .await;
                collect(cursor, bounds.max_bytes, |document| {
                    let text = bson::document_text(document);
                    (text.len(), text)
                })
                .await
            })
            .await
    }

    pub(in crate::documents) async fn count(
        &self,
        collection: &Collection,
        filter: &Filter,
    ) -> Result<u64, Error> {
        let pipeline = vec![
            doc! { "$match": filter::translate_filter(filter) },
            doc! { "$group": { "_id": null, "n": { "$sum": 1 } } },
        ];
        read_count(&self.connection, collection, pipeline).await
    }

    pub(in crate::documents) async fn count_by(
        &self,
        collection: &Collection,
        field: &Path,
        filter: &Filter,
        bounds: Bounds,
    ) -> Result<Vec<(String, u64)>, Error> {
        let (name, time) = (collection.as_str().to_owned(), self.connection.max_time());
        let pipeline = [
            group_by(field, filter),
            vec![
                doc! { "$project": { "n": 1, "order": sort_key() } },
                doc! { "$sort": { "n": -1, "order": 1 } },
                doc! { "$skip": i64::from(bounds.skip) },
                doc! { "$limit": i64::from(bounds.limit) },
            ],
        ];
        let pipeline = pipeline.concat();
        self.connection
            .run_checked(move |database| async move {
                let cursor = database
                    .collection::<Document>(&name)
                    .aggregate(pipeline)
                    .with_type::<RawDocumentBuf>()
                    .max_time(time)
                    .allow_disk_use(true)
                    .await;
                collect(cursor, bounds.max_bytes, read_group).await
            })
            .await
    }

    pub(in crate::documents) async fn count_distinct(
        &self,
        collection: &Collection,
        field: &Path,
        filter: &Filter,
    ) -> Result<u64, Error> {
        let mut pipeline = group_by(field, filter);
        pipeline.push(doc! { "$match": { "_id": { "$ne": null } } });
        pipeline.push(doc! { "$group": { "_id": null, "n": { "$sum": 1 } } });
        read_count(&self.connection, collection, pipeline).await
    }
}

/// The pipeline for one document `{_id: value, n}` per value of a field.
fn group_by(field: &Path, filter: &Filter) -> Vec<Document> {
    vec![
        doc! { "$match": filter::translate_filter(filter) },
        doc! { "$group": { "_id": exact_value(field), "n": { "$sum": 1 } } },
    ]
}

/// The expression for the value of a field, and for null if its path crosses an array. MongoDB itself
/// would collect the values in a new array.
fn exact_value(field: &Path) -> Bson {
    let names = field.names();
    let value = Bson::String(format!("${field}"));
    (1..names.len()).rev().fold(value, |value, length| {
        let parent = format!("${}", names.get(..length).unwrap_or_default().join("."));
        doc! { "$cond": [{ "$isArray": [parent] }, null, value] }.into()
    })
}

/// The sort key of a value. MongoDB would sort an array by its smallest element. Here an array is one
/// value, and empty binary data gives it the position after objects and before booleans.
fn sort_key() -> Document {
    let binary = Binary {
        subtype: BinarySubtype::Generic,
        bytes: Vec::new(),
    };
    doc! { "$cond": [{ "$isArray": ["$_id"] }, binary, "$_id"] }
}

fn read_group(document: &RawDocument) -> (usize, (String, u64)) {
    let value = document.get("_id").ok().flatten();
    let value = value.map_or_else(|| "null".to_owned(), bson::text);
    (value.len(), (value, count_of(document)))
}

async fn read_count(
    connection: &Connection,
    collection: &Collection,
    pipeline: Vec<Document>,
) -> Result<u64, Error> {
    let (name, time) = (collection.as_str().to_owned(), connection.max_time());
    connection
        .run(move |database| async move {
            let mut cursor = database
                .collection::<Document>(&name)
                .aggregate(pipeline)
                .with_type::<RawDocumentBuf>()
                .max_time(time)
                .allow_disk_use(true)
                .await?;
            // An empty input does not produce a group.
            let found = cursor.advance().await?;
            Ok(if found { count_of(cursor.current()) } else { 0 })
        })
        .await
}

/// Reads `n`, which is of either integer type.
fn count_of(document: &RawDocument) -> u64 {
    let number = document.get("n").ok().flatten();
    let number =
        number.and_then(|number| number.as_i64().or_else(|| number.as_i32().map(i64::from)));
    number.unwrap_or_default().unsigned_abs()
}

/// Reads document by document, so that a result above `max_bytes` is never in memory as a whole.
async fn collect<T>(
    cursor: Result<Cursor<RawDocumentBuf>, DriverError>,
    max_bytes: usize,
    read: fn(&RawDocument) -> (usize, T),
) -> Result<Result<Vec<T>, DriverError>, Error> {
    let mut cursor = match cursor {
        Ok(cursor) => cursor,
        Err(error) => return Ok(Err(error)),
    };
    let (mut bytes, mut found) = (0, Vec::new());
    loop {
        match cursor.advance().await {
            Ok(true) => {}
            Ok(false) => return Ok(Ok(found)),
            Err(error) => return Ok(Err(error)),
        }
        let (size, content) = read(cursor.current());
        bytes += size;
        if bytes > max_bytes {
            return Err(Error::TooLarge(format!(
                "the result is larger than {max_bytes} bytes"
            )));
        }
        found.push(content);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn value_is_null_if_the_path_crosses_an_array() {
        let expression = |path: &str| exact_value(&Path::parse(path).unwrap());
        assert_eq!(expression("a"), Bson::String("$a".to_owned()));
        assert_eq!(
            expression("a.b.c"),
            Bson::Document(doc! { "$cond": [
                { "$isArray": ["$a"] },
                null,
                { "$cond": [{ "$isArray": ["$a.b"] }, null, "$a.b.c"] },
            ] })
        );
    }
}
