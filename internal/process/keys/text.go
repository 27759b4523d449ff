package keys

import (
	"bytes"
	"crypto/ed25519"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"strings"
)

const firstLine = "reeve key, version 1"

// fields in their order, after the first line and before the checksum.
var fields = [...]string{"purpose", "algorithm", "public key", "secret key"}

const (
	algorithm    = "ed25519"
	checksumSize = 8
)

// text is the content of the key's file.
func (s Secret) text() []byte {
	pub := s.Public()
	values := [len(fields)]string{string(s.purpose), algorithm, hex.EncodeToString(pub[:]),
		hex.EncodeToString(s.key.Seed())}
	var b bytes.Buffer
	fmt.Fprintln(&b, firstLine)
	for i, f := range fields {
		fmt.Fprintf(&b, "%s: %s\n", f, values[i])
	}
	fmt.Fprintf(&b, "checksum: %s\n", checksum(b.Bytes()))
	return b.Bytes()
}

func checksum(lines []byte) string {
	sum := sha256.Sum256(lines)
	return hex.EncodeToString(sum[:checksumSize])
}

// Parse reads the content of a key file. Its errors wrap ErrBroken and hold nothing of the text, which may be a secret.
func Parse(text []byte) (Secret, error) {
	lines := strings.Split(string(text), "\n")
	if lines[0] != firstLine {
		return Secret{}, broken("its first line isn't %q", firstLine)
	}
	if len(lines) != len(fields)+3 || lines[len(lines)-1] != "" {
		return Secret{}, broken("it doesn't have %d lines", len(fields)+2)
	}
	var values [len(fields) + 1]string
	for i := range values {
		name := "checksum"
		if i < len(fields) {
			name = fields[i]
		}
		value, ok := strings.CutPrefix(lines[i+1], name+": ")
		if !ok {
			return Secret{}, broken("line %d isn't its %s", i+2, name)
		}
		values[i] = value
	}
	last := bytes.LastIndex(text, []byte("checksum: "))
	if values[len(fields)] != checksum(text[:last]) {
		return Secret{}, broken("its checksum doesn't match, so it was changed or damaged")
	}
	return fromValues(Purpose(values[0]), values[1], values[2], values[3])
}

func fromValues(purpose Purpose, alg, public, secret string) (Secret, error) {
	if purpose != Signing && purpose != Identity {
		return Secret{}, broken("its purpose isn't %s or %s", Signing, Identity)
	}
	if alg != algorithm {
		return Secret{}, broken("its algorithm isn't %s", algorithm)
	}
	s, err := fromHex(purpose, secret)
	if err != nil {
		return Secret{}, err
	}
	if pub := s.Public(); hex.EncodeToString(pub[:]) != public {
		return Secret{}, broken("its public key isn't that of its secret key")
	}
	return s, nil
}

func fromHex(purpose Purpose, digits string) (Secret, error) {
	seed, err := hex.DecodeString(digits)
	if err != nil || len(seed) != ed25519.SeedSize || digits != strings.ToLower(digits) {
		return Secret{}, broken("its secret key isn't %d lower-case hexadecimal digits", 2*ed25519.SeedSize)
	}
	return FromSeed(purpose, [ed25519.SeedSize]byte(seed)), nil
}

// parseAny reads the text of a key file, or a bare seed, which is then of the purpose given.
func parseAny(text []byte, purpose Purpose) (Secret, error) {
	if bare := strings.TrimSpace(string(text)); len(bare) == 2*ed25519.SeedSize {
		return fromHex(purpose, strings.ToLower(bare))
	}
	return Parse(text)
}

func broken(format string, args ...any) error {
	return fmt.Errorf("%w: %s", ErrBroken, fmt.Sprintf(format, args...))
}
