package devnet

import (
	"crypto/rand"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"path/filepath"
	"regexp"
	"strings"

	"github.com/reevenet/reeve/internal/disk"
	"github.com/reevenet/reeve/internal/exitcode"
	"github.com/reevenet/reeve/internal/home"
	"github.com/reevenet/reeve/services"
)

// role is what a subsystem may be called.
var role = regexp.MustCompile(`^[a-z][a-z0-9-]{0,63}$`)

// tokenFile holds the secret with which a process shows that it may be the subsystem of that name.
func tokenFile(h home.Node, name string) string {
	return filepath.Join(h.Keys(), "tokens", name+".token")
}

// maxToken bounds the file, in bytes.
const maxToken = 1024

// Token reads a role's secret.
func Token(h home.Node, name string) ([]byte, error) {
	if !role.MatchString(name) {
		return nil, fmt.Errorf("%.80q is no name of a subsystem", name)
	}
	text, err := disk.ReadFile(disk.OS{}, tokenFile(h, name), maxToken)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, exitcode.New(exitcode.KeyMissing, "Make one with `reeve keys token "+name+"`.", nil, "there is no token of %s", name)
	}
	return []byte(strings.TrimSpace(string(text))), err
}

// MakeToken makes a role's secret unless there is one, and returns its file.
func MakeToken(h home.Node, name string) (string, error) {
	if !role.MatchString(name) {
		return "", fmt.Errorf("%.80q is no name of a subsystem", name)
	}
	path := tokenFile(h, name)
	there, err := exists(path)
	if there || err != nil {
		return path, err
	}
	secret := make([]byte, 32)
	rand.Read(secret) //nolint:errcheck // it never fails
	if err := (disk.OS{}).MkdirAll(filepath.Dir(path), 0o700); err != nil {
		return "", err
	}
	return path, disk.Replace(disk.OS{}, path, []byte(hex.EncodeToString(secret)+"\n"), 0o600)
}

// makeTokens makes the secrets that a node's own subsystems need and that aren't there yet.
func makeTokens(h home.Node) error {
	for _, s := range services.All() {
		if _, err := MakeToken(h, s.Name); err != nil {
			return err
		}
	}
	return nil
}

func exists(path string) (bool, error) {
	_, err := disk.OS{}.Stat(path)
	if errors.Is(err, fs.ErrNotExist) {
		return false, nil
	}
	return err == nil, err
}
