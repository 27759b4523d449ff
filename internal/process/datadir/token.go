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
	token, err := ReadToken(tokenFile(h, name))
	if errors.Is(err, fs.ErrNotExist) {
		return nil, errcode.New(errcode.KeyMissing,
			"Run `reeve node init` for this node again: it makes what is missing.", nil,
			"there is no token of %s", name)
	}
	var said *errcode.Error
	if err != nil && !errors.As(err, &said) {
		return nil, errcode.New(errcode.KeyBroken, "Make the file readable for this user.", err,
			"the token of %s can't be read", name)
	}
	return token, err
}

// ReadToken reads a secret from its file. One that is empty is a password that everybody knows, and so is one that
// others can read: both are refused.
func ReadToken(path string) ([]byte, error) {
	kind, err := disk.OS{}.Stat(path)
	if err != nil {
		return nil, err
	}
	if mode := kind.Mode.Perm(); kind.Mode.IsRegular() && mode&0o077 != 0 {
		return nil, errcode.New(errcode.KeyBroken, "Run `chmod 600 "+path+"`, and make another one if it has been read.",
			nil, "the token in %s can be read by others (mode %04o)", path, mode)
	}
	text, err := disk.ReadFile(disk.OS{}, path, maxToken)
	if err != nil {
		return nil, err
	}
	token := strings.TrimSpace(string(text))
	if token == "" {
		return nil, errcode.New(errcode.KeyBroken,
			"Remove it, and run `reeve node init` for this node again: it makes what is missing.", nil,
			"the token in %s is empty", path)
	}
	return []byte(token), nil
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
	return path, writeToken(path, hex.EncodeToString(secret))
}

func writeToken(path, token string) error {
	if err := (disk.OS{}).MkdirAll(filepath.Dir(path), 0o700); err != nil {
		return err
	}
	return disk.Replace(disk.OS{}, path, []byte(token+"\n"), 0o600)
}

func exists(path string) (bool, error) {
	_, err := disk.OS{}.Stat(path)
	if errors.Is(err, fs.ErrNotExist) {
		return false, nil
	}
	return err == nil, err
}
