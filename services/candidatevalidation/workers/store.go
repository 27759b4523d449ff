package workers

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"runtime/debug"
	"slices"
	"strings"
	"time"

	"github.com/reevenet/reeve/internal/core/primitives"
	"github.com/reevenet/reeve/services/candidatevalidation/meter"
)

// store is the directory of prepared code: one directory for each, named by the code's hash and by what it was prepared
// with, with the files and their checksums. What is lost is made again, so nothing in it need be durable; what is
// damaged is found by its checksum.
type store struct {
	dir  string
	most int64  // bytes
	with string // meter, compiler, processor
}

// Names in it.
const (
	sumsFile = "sums"
	unready  = ".new-" // begins what a process works on
)

// Bounds of one code's directory.
const (
	mostPrepared      = 256 << 20 // bytes
	mostPreparedFiles = 4
)

func openStore(dir string, most int64) (*store, error) {
	s := &store{dir: dir, most: most, with: fmt.Sprintf("%d-%s-%s", meter.Version, compiler(), runtime.GOARCH)}
	err := os.MkdirAll(s.scratch(), 0o700)
	if err == nil {
		s.sweep()
	}
	return s, err
}

// compiler is the version of wazero.
func compiler() string {
	info, _ := debug.ReadBuildInfo()
	if info != nil {
		for _, d := range info.Deps {
			if d.Path == "github.com/tetratelabs/wazero" {
				return d.Version
			}
		}
	}
	return "unknown"
}

// scratch is where this process works: several may share the store.
func (s *store) scratch() string { return filepath.Join(s.dir, fmt.Sprint(unready, os.Getpid())) }

func (s *store) path(code primitives.Hash) string {
	return filepath.Join(s.dir, code.String()+"-"+s.with)
}

// begin makes an empty directory for a worker to prepare code in.
func (s *store) begin() (string, error) { return os.MkdirTemp(s.scratch(), "") }

func (s *store) remove(dir string) { _ = os.RemoveAll(dir) } // what stays is swept later

// find returns the directory of code that is there and whole. What is damaged is removed.
func (s *store) find(code primitives.Hash) (string, bool) {
	dir := s.path(code)
	want, err := os.ReadFile(filepath.Join(dir, sumsFile))
	if err != nil {
		s.remove(dir)
		return "", false
	}
	got, err := sums(dir)
	if err != nil || !bytes.Equal(got, want) {
		s.remove(dir)
		return "", false
	}
	now := time.Now()
	_ = os.Chtimes(dir, now, now) // or else it seems less used than it is
	return dir, true
}

// add takes over what a worker has prepared.
func (s *store) add(code primitives.Hash, scratch string) (string, error) {
	text, err := sums(scratch)
	if err == nil {
		err = os.WriteFile(filepath.Join(scratch, sumsFile), text, 0o600)
	}
	dir := s.path(code)
	if err == nil {
		err = os.Rename(scratch, dir)
	}
	if errors.Is(err, fs.ErrExist) { // another process was faster
		if _, found := s.find(code); found {
			return dir, nil
		}
	}
	s.makeRoom(dir)
	return dir, err
}

// sums lists the files of a directory with their checksums. A worker wrote them, so nothing is followed or read without
// bound.
func sums(dir string) ([]byte, error) {
	var list []string
	room := int64(mostPrepared)
	err := filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() || filepath.Base(path) == sumsFile && filepath.Dir(path) == dir {
			return err
		}
		info, err := d.Info()
		if err != nil {
			return err
		}
		room -= info.Size()
		if !info.Mode().IsRegular() || room < 0 || len(list) >= mostPreparedFiles {
			return fmt.Errorf("%s isn't prepared code", path)
		}
		sum, err := sumOf(path)
		list = append(list, fmt.Sprintf("%s %s\n", sum, strings.TrimPrefix(path, dir)))
		return err
	})
	slices.Sort(list)
	return []byte(strings.Join(list, "")), err
}

func sumOf(path string) (string, error) {
	f, err := os.Open(path)
	if err != nil {
		return "", err
	}
	defer f.Close()
	h := sha256.New()
	_, err = io.Copy(h, io.LimitReader(f, mostPrepared))
	return hex.EncodeToString(h.Sum(nil)), err
}
