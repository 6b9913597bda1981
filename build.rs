//! Writes openapi.yaml as JSON, which `GET /v1/openapi.json` returns.

use std::{env, error::Error, fs, path::Path};

use saphyr::{LoadableYamlNode, Scalar, Yaml};
use serde_json::Value;

fn main() -> Result<(), Box<dyn Error>> {
    println!("cargo::rerun-if-changed=openapi.yaml");
    let text = fs::read_to_string("openapi.yaml")?;
    let documents = Yaml::load_from_str(&text)?;
    let document = json(documents.first().ok_or("openapi.yaml is empty")?)?;
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
                let key = key.as_str().map(str::to_owned).or_else(|| key.as_integer().map(|number| number.to_string()));
                Ok((key.ok_or("a key of openapi.yaml is neither text nor a number")?, json(value)?))
            });
            Value::Object(entries.collect::<Result<_, Box<dyn Error>>>()?)
        }
        other => return Err(format!("openapi.yaml has a node without a JSON form: {other:?}").into()),
    })
}
