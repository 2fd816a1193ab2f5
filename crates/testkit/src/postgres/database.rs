//! One database for one test.

use ::postgres::{Client, NoTls};

/// A database with a random name, dropped with this value even while connections to it are open.
#[derive(Debug)]
pub struct TestDatabase {
    name: String,
    url: String,
    cluster: String,
}

impl TestDatabase {
    /// A copy of the database `template`, which nobody may be connected to; `None` when there is no
    /// PostgreSQL. Migrate one database once, then copy it for every test: far quicker than migrating.
    ///
    /// # Panics
    /// When the cluster cannot be reached or refuses.
    pub fn from_template(template: &str) -> Option<Self> {
        super::url().map(|cluster| Self::create(&cluster, Some(template)))
    }

    /// The database's name, made of letters, digits and `_`.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The database's address, as a superuser.
    pub fn url(&self) -> &str {
        &self.url
    }

    pub(super) fn create(cluster: &str, template: Option<&str>) -> Self {
        let random = getrandom::u64().expect("the operating system gives random numbers");
        let name = format!("test_{random:016x}");
        let template = template.map(|template| format!(" TEMPLATE \"{template}\"")).unwrap_or_default();
        if let Err(error) = execute(cluster, &format!("CREATE DATABASE {name}{template}")) {
            panic!("no test database could be made in the PostgreSQL at {cluster}: {error}");
        }
        Self { url: with_database(cluster, &name), name, cluster: cluster.to_owned() }
    }
}

impl Drop for TestDatabase {
    fn drop(&mut self) {
        // A panic here, while a failed test unwinds, would end the whole process.
        if let Err(error) = execute(&self.cluster, &format!("DROP DATABASE {} WITH (FORCE)", self.name)) {
            eprintln!("the test database {} could not be dropped: {error}", self.name);
        }
    }
}

/// Runs one statement on a thread of its own: the synchronous client brings its own runtime and would
/// panic on the thread of an asynchronous test.
fn execute(url: &str, statement: &str) -> Result<(), String> {
    std::thread::scope(|scope| {
        let work = scope.spawn(|| {
            let mut client = Client::connect(url, NoTls).map_err(sentence)?;
            client.batch_execute(statement).map_err(sentence)
        });
        work.join().unwrap_or_else(|_| Err("the PostgreSQL client panicked".to_owned()))
    })
}

/// The server's own words where it spoke: the client's error alone says only "db error".
fn sentence(error: ::postgres::Error) -> String {
    error.as_db_error().map_or_else(|| error.to_string(), ToString::to_string)
}

/// The address `url` with its database replaced by `name`; parameters after `?` are kept.
fn with_database(url: &str, name: &str) -> String {
    let (address, parameters) = match url.split_once('?') {
        Some((address, parameters)) => (address, format!("?{parameters}")),
        None => (url, String::new()),
    };
    let authority = address.find("://").map_or(0, |at| at + 3);
    let end = address[authority..].find('/').map_or(address.len(), |at| authority + at);
    format!("{}/{name}{parameters}", &address[..end])
}

#[cfg(test)]
mod tests {
    use super::super::database;
    use super::*;

    #[test]
    fn the_database_in_an_address_is_replaced() {
        let cases = [
            ("postgres://u@%2Ftmp%2Fx/postgres", "postgres://u@%2Ftmp%2Fx/t"),
            ("postgres://u:p@127.0.0.1:5432", "postgres://u:p@127.0.0.1:5432/t"),
            ("postgresql://h/a?connect_timeout=3", "postgresql://h/t?connect_timeout=3"),
            ("postgres://h?user=a/b", "postgres://h/t?user=a/b"),
        ];
        for (before, after) in cases {
            assert_eq!(with_database(before, "t"), after);
        }
    }

    #[test]
    fn a_copy_has_the_templates_tables_and_both_go() {
        let Some(template) = database() else { return };
        execute(template.url(), "CREATE TABLE scale (grams bigint); INSERT INTO scale VALUES (7)").unwrap();
        let copy = TestDatabase::from_template(template.name()).unwrap();
        let mut open = Client::connect(copy.url(), NoTls).unwrap();
        let grams: i64 = open.query_one("SELECT grams FROM scale", &[]).unwrap().get(0);
        assert_eq!(grams, 7);

        let (gone, url) = (copy.name().to_owned(), copy.url().to_owned());
        drop(copy);
        let error = execute(&url, "SELECT 1").unwrap_err();
        assert!(error.contains(&gone) && error.contains("does not exist"), "{error}");
    }
}
