//! Hashes a password for each line of the input, under the Worker's default parameters, and prints the tag.

use std::error::Error;
use std::io;

use argon2::{Algorithm, Argon2, Block, Params, Version};

fn main() -> Result<(), Box<dyn Error>> {
    let params = Params::new(19456, 2, 1, Some(32))?;
    let mut memory = vec![Block::default(); params.block_count()];
    let argon2 = Argon2::new(Algorithm::Argon2id, Version::V0x13, params);
    for line in io::stdin().lines() {
        line?;
        let mut tag = [0; 32];
        argon2.hash_password_into_with_memory(
            b"correct horse battery staple",
            &[7; 16],
            &mut tag,
            &mut memory,
        )?;
        println!("{}", tag.map(|byte| format!("{byte:02x}")).concat());
    }
    Ok(())
}
