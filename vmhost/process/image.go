package process

import (
	"bytes"
	"crypto/sha256"
	"crypto/subtle"
	"debug/elf"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"time"

	"golang.org/x/sys/unix"

	"github.com/reevenet/reeve/internal/process/errcode"
	"github.com/reevenet/reeve/vmhost/launch"
)

// image is the program to run: the file itself or, with a checksum, a sealed copy of what was checked.
type image struct {
	path string
	copy *os.File
	// file looks at what it was made of, which takes a while.
	file func() launch.File
}

func (i image) close() {
	if i.copy != nil {
		i.copy.Close()
	}
}

// StartError is an error of a launch. It is for people; Permanent says whether another try can help.
type StartError struct {
	// Readable has the number, the sentence and the advice.
	Readable  *errcode.Error
	Permanent bool
}

// Error is the sentence with the advice.
func (e *StartError) Error() string { return e.Readable.Error() }

// Unwrap gives the readable error.
func (e *StartError) Unwrap() error { return e.Readable }

// Is makes a permanent one launch.ErrPermanent.
func (e *StartError) Is(target error) bool { return e.Permanent && target == launch.ErrPermanent }

func permanent(id errcode.ID, do string, why error, what string, args ...any) error {
	return &StartError{Readable: errcode.New(id, do, why, what, args...), Permanent: true}
}

// prepare looks at the file before it is started: most mistakes can be named better here than by the kernel.
func (l Launcher) prepare() (image, error) {
	name := filepath.Base(l.Path)
	info, err := os.Stat(l.Path)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return image{}, permanent(errcode.PluginMissing, "Build it, or give the right path.", nil,
			"the plugin %s isn't there", l.Path)
	case err != nil:
		return image{}, permanent(errcode.PluginMissing, "", err, "the plugin %s can't be looked at", l.Path)
	case info.IsDir():
		return image{}, permanent(errcode.PluginBroken, "Give the path of the program in it.", nil,
			"%s is a directory, not a plugin", l.Path)
	case info.Mode()&0o111 == 0:
		return image{}, permanent(errcode.PluginBroken, "chmod +x "+l.Path, nil, "the plugin %s isn't executable", name)
	}
	file, err := os.Open(l.Path)
	if err != nil {
		return image{}, permanent(errcode.PluginBroken, "", err, "the plugin %s can't be read", name)
	}
	if err := checkMachine(name, file); err != nil {
		file.Close()
		return image{}, err
	}
	if len(l.Checksum) == 0 && l.uid() == uint32(os.Getuid()) {
		return image{path: l.Path, file: summed(file, info.ModTime())}, nil
	}
	defer file.Close()
	i, sum, err := l.sealed(name, file)
	i.file = func() launch.File { return launch.File{SHA256: hex.EncodeToString(sum), Modified: info.ModTime()} }
	return i, err
}

// summed sums the file up beside the start, and closes it.
func summed(file *os.File, modified time.Time) func() launch.File {
	done := make(chan launch.File, 1)
	go func() {
		defer file.Close()
		hash := sha256.New()
		if _, err := io.Copy(hash, file); err != nil {
			done <- launch.File{}
			return
		}
		done <- launch.File{SHA256: hex.EncodeToString(hash.Sum(nil)), Modified: modified}
	}()
	return func() launch.File { return <-done }
}

// machines are the names of processors in ELF files, by Go's names.
var machines = map[string]elf.Machine{
	"amd64": elf.EM_X86_64, "arm64": elf.EM_AARCH64, "386": elf.EM_386, "arm": elf.EM_ARM, "riscv64": elf.EM_RISCV,
	"ppc64le": elf.EM_PPC64, "s390x": elf.EM_S390, "loong64": elf.EM_LOONGARCH,
}

// checkMachine refuses programs for other processors. Scripts and whatever else the kernel may run are let through.
func checkMachine(name string, file io.ReaderAt) error {
	var header [20]byte
	n, _ := file.ReadAt(header[:], 0)
	if n < len(header) || string(header[:4]) != elf.ELFMAG || header[elf.EI_DATA] != byte(elf.ELFDATA2LSB) {
		return nil
	}
	machine := elf.Machine(binary.LittleEndian.Uint16(header[18:]))
	if want, known := machines[runtime.GOARCH]; known && machine != want {
		return permanent(errcode.PluginBroken, "Build it with GOARCH="+runtime.GOARCH+".", nil,
			"the plugin %s is built for another processor (%v), this machine is %s", name, machine, runtime.GOARCH)
	}
	return nil
}

// sealed copies the file into memory that can't be changed any more, and checks that. A script can't be run from there;
// it is checked and then run by its path. A user who can't enter the file's directory can run the copy.
func (l Launcher) sealed(name string, file *os.File) (image, []byte, error) {
	fd, err := unix.MemfdCreate(name, unix.MFD_CLOEXEC|unix.MFD_ALLOW_SEALING)
	if err != nil {
		return image{}, nil, fmt.Errorf("no memory to check the plugin in: %w", err)
	}
	memory := os.NewFile(uintptr(fd), name)
	hash := sha256.New()
	if _, err := io.Copy(io.MultiWriter(memory, hash), file); err != nil {
		memory.Close()
		return image{}, nil, fmt.Errorf("the plugin %s can't be read: %w", name, err)
	}
	sum := hash.Sum(nil)
	if len(l.Checksum) > 0 && subtle.ConstantTimeCompare(sum, l.Checksum) != 1 {
		memory.Close()
		return image{}, nil, permanent(errcode.PluginBroken, "If you have built it anew, configure the new checksum.", nil,
			"the plugin %s has SHA-256 %x, configured is %x", name, sum, l.Checksum)
	}
	seals := unix.F_SEAL_WRITE | unix.F_SEAL_GROW | unix.F_SEAL_SHRINK | unix.F_SEAL_SEAL
	if _, err := unix.FcntlInt(memory.Fd(), unix.F_ADD_SEALS, seals); err != nil {
		memory.Close()
		return image{}, nil, fmt.Errorf("the checked copy of the plugin can't be sealed: %w", err)
	}
	var magic [4]byte
	if n, _ := memory.ReadAt(magic[:], 0); n < len(magic) || !bytes.Equal(magic[:], []byte(elf.ELFMAG)) {
		memory.Close()
		return image{path: l.Path}, sum, nil
	}
	return image{path: fmt.Sprintf("/proc/self/fd/%d", fd), copy: memory}, sum, nil
}
