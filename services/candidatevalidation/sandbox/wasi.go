package sandbox

import (
	"context"
	"crypto/sha256"
	"encoding/binary"
	"math"
	"strings"

	"github.com/tetratelabs/wazero"
	"github.com/tetratelabs/wazero/api"
	"github.com/tetratelabs/wazero/sys"

	"github.com/reevenet/reeve/services/candidatevalidation/meter"
)

// wasiModule is the one module that code may import from.
const wasiModule = "wasi_snapshot_preview1"

// Answers of its functions.
const (
	success    = 0
	badFile    = 8
	badAddress = 21
	badValue   = 28
	noFunction = 52
)

// Costs in fuel of what a function does for its arguments; that it is called at all is paid by who calls it.
const (
	fuelPerRandomByte = 32
	fuelPerItem       = 128
)

const (
	firstTime = 1_000_000 // nanoseconds: Go takes a clock that says 0 for a broken one
	perCall   = 1_000
)

// world is all that code can learn of the world while it runs once: the same everywhere.
type world struct {
	now   uint64 // nanoseconds
	block uint64 // of randomness, the next
	drawn []byte // of the last block, what hasn't been given out
	said  []byte // the beginning of what it wrote to the standard error output
	fuel  api.MutableGlobal
}

func newWorld() *world { return &world{now: firstTime} }

// function is one that is imported.
type function struct {
	name   string
	params string
	result string
	do     func(w *world, mem api.Memory, args []uint64) uint64
}

const (
	i = meter.I32
	l = meter.I64
)

// functions are all of preview 1. Those that say nothing of what they do have no file to do it with.
var functions = []function{
	{"args_get", i + i, i, (*world).nothing}, {"args_sizes_get", i + i, i, (*world).none},
	{"environ_get", i + i, i, (*world).nothing}, {"environ_sizes_get", i + i, i, (*world).none},
	{"clock_res_get", i + i, i, (*world).resolution}, {"clock_time_get", i + l + i, i, (*world).time},
	{"fd_write", i + i + i + i, i, (*world).write}, {"fd_fdstat_get", i + i, i, (*world).stat},
	{"poll_oneoff", i + i + i + i, i, (*world).poll}, {"random_get", i + i, i, (*world).random},
	{"sched_yield", "", i, (*world).nothing}, {"proc_exit", i, "", exit}, {"proc_raise", i, i, nil},
	{"fd_advise", i + l + l + i, i, nil}, {"fd_allocate", i + l + l, i, nil}, {"fd_close", i, i, nil},
	{"fd_datasync", i, i, nil}, {"fd_fdstat_set_flags", i + i, i, nil}, {"fd_fdstat_set_rights", i + l + l, i, nil},
	{"fd_filestat_get", i + i, i, nil}, {"fd_filestat_set_size", i + l, i, nil},
	{"fd_filestat_set_times", i + l + l + i, i, nil}, {"fd_pread", i + i + i + l + i, i, nil},
	{"fd_prestat_get", i + i, i, nil}, {"fd_prestat_dir_name", i + i + i, i, nil},
	{"fd_pwrite", i + i + i + l + i, i, nil}, {"fd_read", i + i + i + i, i, nil},
	{"fd_readdir", i + i + i + l + i, i, nil}, {"fd_renumber", i + i, i, nil}, {"fd_seek", i + l + i + i, i, nil},
	{"fd_sync", i, i, nil}, {"fd_tell", i + i, i, nil}, {"path_create_directory", i + i + i, i, nil},
	{"path_filestat_get", i + i + i + i + i, i, nil}, {"path_filestat_set_times", i + i + i + i + l + l + i, i, nil},
	{"path_link", i + i + i + i + i + i + i, i, nil}, {"path_open", i + i + i + i + i + l + l + i + i, i, nil},
	{"path_readlink", i + i + i + i + i + i, i, nil}, {"path_remove_directory", i + i + i, i, nil},
	{"path_rename", i + i + i + i + i + i, i, nil}, {"path_symlink", i + i + i + i + i, i, nil},
	{"path_unlink_file", i + i + i, i, nil}, {"sock_accept", i + i + i, i, nil},
	{"sock_recv", i + i + i + i + i + i, i, nil}, {"sock_send", i + i + i + i + i, i, nil},
	{"sock_shutdown", i + i, i, nil},
}

// Imports are what code may import, for package meter.
func Imports() map[string]meter.Signature {
	all := make(map[string]meter.Signature, len(functions))
	for _, f := range functions {
		all[wasiModule+"."+f.name] = meter.Signature{Params: f.params, Results: f.result}
	}
	return all
}

// provide makes the module. now is the world of the code that runs.
func provide(ctx context.Context, r wazero.Runtime, now func() *world) error {
	b := r.NewHostModuleBuilder(wasiModule)
	for _, f := range functions {
		call := func(_ context.Context, m api.Module, stack []uint64) {
			w := now()
			w.fuel, _ = m.ExportedGlobal(meter.FuelExport).(api.MutableGlobal)
			if answer := f.call(w, m.Memory(), stack); f.result != "" {
				stack[0] = answer
			}
		}
		b.NewFunctionBuilder().WithGoModuleFunction(api.GoModuleFunc(call), types(f.params),
			types(f.result)).Export(f.name)
	}
	_, err := b.Instantiate(ctx)
	return err
}

func types(of string) []api.ValueType { return []api.ValueType(of) }

func (f *function) call(w *world, mem api.Memory, args []uint64) uint64 {
	switch {
	case f.do != nil:
		return f.do(w, mem, args)
	case strings.HasPrefix(f.name, "proc_"):
		return noFunction
	default:
		return badFile
	}
}

// pay takes fuel for n things, and ends the code when there isn't enough: a panic is how wazero is told.
func (w *world) pay(n, each uint64) {
	left := int64(w.fuel.Get()) - int64(n*each)
	w.fuel.Set(uint64(left))
	if left < 0 {
		panic(errExhausted)
	}
}

func exit(_ *world, _ api.Memory, args []uint64) uint64 { panic(sys.NewExitError(uint32(args[0]))) }

func (w *world) nothing(api.Memory, []uint64) uint64 { return success }

// none says that there are no arguments or variables, and that they take no room.
func (w *world) none(mem api.Memory, args []uint64) uint64 {
	return wrote(mem.WriteUint32Le(uint32(args[0]), 0) && mem.WriteUint32Le(uint32(args[1]), 0))
}

func (w *world) resolution(mem api.Memory, args []uint64) uint64 {
	return wrote(mem.WriteUint64Le(uint32(args[1]), perCall))
}

func (w *world) time(mem api.Memory, args []uint64) uint64 {
	w.now = later(w.now, perCall)
	return wrote(mem.WriteUint64Le(uint32(args[2]), w.now-perCall))
}

// later is a time so much after another, and never before it.
func later(at, by uint64) uint64 { return at + min(by, math.MaxUint64-at) }

func wrote(ok bool) uint64 {
	if !ok {
		return badAddress
	}
	return success
}

// write takes what is written, and remembers the beginning of what is for people: a crash begins with what happened.
func (w *world) write(mem api.Memory, args []uint64) uint64 {
	file, n := uint32(args[0]), uint32(args[2])
	switch {
	case file != 1 && file != 2:
		return badFile
	case n > mostItems:
		return badValue
	}
	w.pay(uint64(n), fuelPerItem)
	pieces, ok := mem.Read(uint32(args[1]), n*pieceSize)
	total := uint64(0)
	for ; ok && len(pieces) > 0; pieces = pieces[pieceSize:] {
		var text []byte
		text, ok = mem.Read(binary.LittleEndian.Uint32(pieces), binary.LittleEndian.Uint32(pieces[4:]))
		total += uint64(len(text))
		if file == 2 {
			w.said = append(w.said, text[:min(len(text), mostSaid-len(w.said))]...)
		}
	}
	if total > math.MaxInt32 {
		return badValue
	}
	return wrote(ok && mem.WriteUint32Le(uint32(args[3]), uint32(total)))
}

const (
	pieceSize = 8
	// mostItems is how many pieces are written, or things waited for, at once.
	mostItems = 1024
)

// mostSaid is how much of what code writes is remembered.
const mostSaid = 200

// stat says of the standard streams that they are terminals which may be written to, or so.
func (w *world) stat(mem api.Memory, args []uint64) uint64 {
	const (
		size              = 24
		characterDevice   = 2
		mayReadAndWrite   = 1<<1 | 1<<6
		rightsOfFile      = 8
		rightsOfInherited = 16
	)
	if uint32(args[0]) > 2 {
		return badFile
	}
	var s [size]byte
	s[0] = characterDevice
	binary.LittleEndian.PutUint64(s[rightsOfFile:], mayReadAndWrite)
	binary.LittleEndian.PutUint64(s[rightsOfInherited:], mayReadAndWrite)
	return wrote(mem.Write(uint32(args[1]), s[:]))
}

// random gives out a stream that is the same for every run.
func (w *world) random(mem api.Memory, args []uint64) uint64 {
	w.pay(uint64(uint32(args[1])), fuelPerRandomByte)
	room, ok := mem.Read(uint32(args[0]), uint32(args[1]))
	for len(room) > 0 {
		if len(w.drawn) == 0 {
			sum := sha256.Sum256(binary.BigEndian.AppendUint64(nil, w.block))
			w.drawn, w.block = sum[:], w.block+1
		}
		n := copy(room, w.drawn)
		room, w.drawn = room[n:], w.drawn[n:]
	}
	return wrote(ok)
}
