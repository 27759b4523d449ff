package datadir

import (
	"crypto/rand"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"path/filepath"
	"regexp"
	"strings"

	"github.com/reevenet/reeve/internal/process/errcode"
	"github.com/reevenet/reeve/internal/store/disk"
)

// role is what a subsystem may be called.
var role = regexp.MustCompile(`^[a-z][a-z0-9-]{0,63}$`)

// tokenFile holds the secret with which a process shows that it may be the subsystem of that name.
func tokenFile(h Node, name string) string {
	return filepath.Join(h.Keys(), "tokens", name+".token")
}

// maxToken bounds the file, in bytes.
const maxToken = 1024

// Token reads a role's secret.
func Token(h Node, name string) ([]byte, error) {
	if !role.MatchString(name) {
		return nil, fmt.Errorf("%.80q is no name of a subsystem", name)
	}
	text, err := disk.ReadFile(disk.OS{}, tokenFile(h, name), maxToken)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, errcode.New(errcode.KeyMissing,
			"Run `reeve node init` for this node again: it makes what is missing.", nil,
			"there is no token of %s", name)
	}
	if err != nil {
		return nil, errcode.New(errcode.KeyBroken, "Make the file readable for this user.", err,
			"the token of %s can't be read", name)
	}
	return []byte(strings.TrimSpace(string(text))), nil
}

// MakeToken makes a role's secret unless there is one, and returns its file.
func MakeToken(h Node, name string) (string, error) {
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

func exists(path string) (bool, error) {
	_, err := disk.OS{}.Stat(path)
	if errors.Is(err, fs.ErrNotExist) {
		return false, nil
	}
	return err == nil, err
}
