//! Converts openapi.yaml to the JSON that `GET /v1/openapi.json` returns.

use std::{env, error::Error, fs, path::Path};

use saphyr::{LoadableYamlNode, Scalar, Yaml};
use serde_json::Value;

fn main() -> Result<(), Box<dyn Error>> {
    println!("cargo::rerun-if-changed=openapi.yaml");
    let text = fs::read_to_string("openapi.yaml")?;
    let documents = Yaml::load_from_str(&text)?;
    let [document] = &documents[..] else { return Err("openapi.yaml must contain exactly one document".into()) };
    let document = json(document)?;
    fs::write(Path::new(&env::var("OUT_DIR")?).join("openapi.json"), document.to_string())?;
    Ok(())
}

fn json(yaml: &Yaml) -> Result<Value, Box<dyn Error>> {
    Ok(match yaml {
        Yaml::Value(Scalar::Null) => Value::Null,
        Yaml::Value(Scalar::Boolean(boolean)) => Value::from(*boolean),
        Yaml::Value(Scalar::Integer(integer)) => Value::from(*integer),
        Yaml::Value(Scalar::FloatingPoint(float)) => Value::from(float.into_inner()),
        Yaml::Value(Scalar::String(text)) => Value::from(text.as_ref()),
        Yaml::Sequence(items) => items.iter().map(json).collect::<Result<Vec<_>, _>>()?.into(),
        Yaml::Mapping(entries) => {
            let entries = entries.iter().map(|(key, value)| {
                let key = key.as_str().ok_or("openapi.yaml has a key that is not a string")?;
                Ok((key.to_owned(), json(value)?))
            });
            Value::Object(entries.collect::<Result<_, Box<dyn Error>>>()?)
        }
        other => return Err(format!("openapi.yaml has a node that JSON cannot represent: {other:?}").into()),
    })
}
