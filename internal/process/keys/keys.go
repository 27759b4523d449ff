// Package keys keeps ed25519 secret keys in files: a validator's signing key, which the keystore alone loads, and a
// node's network identity, which the network bridge loads. A key file is text that a person can recognise, can't
// confuse with another kind of key, and can't damage unnoticed:
//
//	reeve key, version 1
//	purpose: signing
//	algorithm: ed25519
//	public key: 64 hexadecimal digits
//	secret key: 64 hexadecimal digits, the seed of RFC 8032
//	checksum: 16 hexadecimal digits, the beginning of SHA-256 of the lines above
//
// Files have mode 0600, and one that others may read is refused: its secret must be taken for known. No error and no
// log line holds anything of a secret, and a Secret shows itself as a placeholder however it is printed.
//
// A signing key alone isn't enough to sign: the keystore also wants the log of what was signed with it, which
// services/keystore.Create makes together with the key. A key that is restored or imported comes without one, and an
// operator has to say so.
package keys

import (
	"crypto/ed25519"
	"crypto/rand"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"path/filepath"

	"github.com/reevenet/reeve/internal/store/disk"
)

// Purpose is what a key is for. A key of one purpose is refused where another is wanted.
type Purpose string

const (
	Signing  Purpose = "signing"
	Identity Purpose = "identity"
)

// Public is a public key; for a network identity it is the node's id.
type Public = [ed25519.PublicKeySize]byte

// The ways in which a key can't be had. Errors of this package wrap one of them and say in a sentence what to do.
var (
	ErrMissing = errors.New("no key")
	ErrExists  = errors.New("there is a key already")
	ErrBroken  = errors.New("not a key file")
	ErrExposed = errors.New("readable by others")
	ErrPurpose = errors.New("key of another purpose")
)

// maxFile is more than any key file has.
const maxFile = 4096

const fileMode fs.FileMode = 0o600

// Secret is a secret key.
type Secret struct {
	purpose Purpose
	// Behind a pointer, because fmt prints unexported fields of other structs without asking Format, and stops at
	// pointers.
	key *ed25519.PrivateKey
}

// Generate makes a new key from the operating system's randomness.
func Generate(purpose Purpose) (Secret, error) {
	_, key, err := ed25519.GenerateKey(rand.Reader)
	return Secret{purpose, &key}, err
}

// FromSeed makes the key that the 32 bytes determine. Tests and simulations use it.
func FromSeed(purpose Purpose, seed [ed25519.SeedSize]byte) Secret {
	key := ed25519.NewKeyFromSeed(seed[:])
	return Secret{purpose, &key}
}

// Purpose tells what the key is for.
func (s Secret) Purpose() Purpose { return s.purpose }

// Public is the public half.
func (s Secret) Public() Public { return Public(s.key.Public().(ed25519.PublicKey)) }

// Sign signs the message with ed25519 (RFC 8032, deterministic: the same message gives the same signature).
func (s Secret) Sign(message []byte) []byte { return ed25519.Sign(*s.key, message) }

// Expose returns the secret key itself, for a library that insists on holding it. Only the network's library does.
func (s Secret) Expose() ed25519.PrivateKey { return *s.key }

// String names the key and hides it.
func (s Secret) String() string {
	if s.key == nil {
		return "no key"
	}
	pub := s.Public()
	return fmt.Sprintf("%s key %s… (secret hidden)", s.purpose, hex.EncodeToString(pub[:4]))
}

// Format prints the placeholder for every verb.
func (s Secret) Format(f fmt.State, _ rune) { fmt.Fprint(f, s.String()) }

// LogValue logs the placeholder.
func (s Secret) LogValue() slog.Value { return slog.StringValue(s.String()) }

// MarshalText writes the placeholder, so that JSON holds no secret either.
func (s Secret) MarshalText() ([]byte, error) { return []byte(s.String()), nil }

// New makes a key and its file, which must not exist.
func New(d disk.Disk, path string, purpose Purpose) (Secret, error) {
	s, err := Generate(purpose)
	if err != nil {
		return Secret{}, fmt.Errorf("no randomness for a key: %w", err)
	}
	return s, Save(d, path, s)
}

// Import makes the file, which must not exist, of a key from elsewhere: the text of a key file, or a seed of 64
// hexadecimal digits.
func Import(d disk.Disk, path string, purpose Purpose, text []byte) (Secret, error) {
	s, err := parseAny(text, purpose)
	if err != nil {
		return Secret{}, fmt.Errorf("importing a key to %s: %w", path, err)
	}
	if s.purpose != purpose {
		return Secret{}, wrongPurpose("the imported text", s.purpose, purpose)
	}
	return s, Save(d, path, s)
}

// Save writes a key to a file, which must not exist, and makes its directory, readable to the owner alone, if need be.
func Save(d disk.Disk, path string, s Secret) error {
	if _, err := d.Stat(path); err == nil {
		return fmt.Errorf("%w in %s; move it away if another shall take its place", ErrExists, path)
	} else if !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("looking for a key: %w", err)
	}
	if err := d.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		return fmt.Errorf("making the directory of a key: %w", err)
	}
	if err := disk.Replace(d, path, s.text(), fileMode); err != nil {
		return fmt.Errorf("writing a key: %w", err)
	}
	return nil
}

// Load reads the key of the given purpose.
func Load(d disk.Disk, path string, purpose Purpose) (Secret, error) {
	s, err := load(d, path)
	if err != nil {
		return Secret{}, err
	}
	if s.purpose != purpose {
		return Secret{}, wrongPurpose(path, s.purpose, purpose)
	}
	return s, nil
}

// Description is what may be shown of a key.
type Description struct {
	Purpose Purpose
	Public  Public
}

// Show describes the key in a file.
func Show(d disk.Disk, path string) (Description, error) {
	s, err := load(d, path)
	if err != nil {
		return Description{}, err
	}
	return Description{s.purpose, s.Public()}, nil
}

func load(d disk.Disk, path string) (Secret, error) {
	info, err := d.Stat(path)
	if errors.Is(err, fs.ErrNotExist) {
		return Secret{}, fmt.Errorf("%w at %s; make one with `reeve keys new` or restore it", ErrMissing, path)
	}
	if err != nil {
		return Secret{}, fmt.Errorf("looking for a key: %w", err)
	}
	if info.Mode.Perm()&0o077 != 0 {
		return Secret{}, fmt.Errorf("%s is %w (mode %04o); run `chmod 600` on it, and make a new key if somebody may have read it",
			path, ErrExposed, info.Mode.Perm())
	}
	text, err := disk.ReadFile(d, path, maxFile)
	if err != nil {
		return Secret{}, fmt.Errorf("reading a key: %w", err)
	}
	s, err := Parse(text)
	if err != nil {
		return Secret{}, fmt.Errorf("%s is %w; restore it from a backup", path, err)
	}
	return s, nil
}

func wrongPurpose(what string, is, want Purpose) error {
	return fmt.Errorf("%w: %s is of a key for %s, and one for %s is wanted", ErrPurpose, what, is, want)
}
