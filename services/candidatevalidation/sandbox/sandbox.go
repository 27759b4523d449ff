// Package sandbox runs a parachain's validation code, in a process that is there for nothing else: a worker. It
// prepares code, once, and runs it, each time in an instance of its own, and is given bytes and answers bytes. The code
// sees its memory and a world in which it is always the same time and nothing else exists. How much it may do is
// measured out by package meter, and how much its process may do is bounded by whoever starts it (package workers).
package sandbox

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"github.com/klauspost/compress/zstd"
	"github.com/tetratelabs/wazero"
	"github.com/tetratelabs/wazero/api"
	"github.com/tetratelabs/wazero/experimental"
	"github.com/tetratelabs/wazero/sys"

	"github.com/reevenet/reeve/internal/core/candidate"
	"github.com/reevenet/reeve/services/candidatevalidation/job"
	"github.com/reevenet/reeve/services/candidatevalidation/meter"
)

// packed is how compressed code begins; the rest is zstd.
const packed = "reevezst"

// Errors of code that isn't fit to run; all machines find so.
var (
	ErrTooLarge  = errors.New("the code is too long")
	ErrMalformed = meter.ErrMalformed
)

// moduleFile is the measured code in the directory of prepared code. Beside it is wazero's: the machine's instructions.
const moduleFile = "module.wasm"

// features that code may have; package meter refuses those parts of them that aren't in its list.
const features = api.CoreFeaturesV2 &^ api.CoreFeatureSIMD

// Unpack returns the code as a module. The error is ErrTooLarge or ErrMalformed.
func Unpack(code []byte) ([]byte, error) {
	body, compressed := strings.CutPrefix(string(code[:min(len(code), len(packed))]), packed)
	if !compressed || body != "" {
		if len(code) > job.MaxCode {
			return nil, fmt.Errorf("%w: %d bytes", ErrTooLarge, len(code))
		}
		return code, nil
	}
	d, err := zstd.NewReader(nil, zstd.WithDecoderConcurrency(1), zstd.WithDecoderMaxMemory(job.MaxCode),
		zstd.WithDecoderMaxWindow(job.MaxCode))
	if err != nil {
		return nil, err
	}
	defer d.Close()
	module, err := d.DecodeAll(code[len(packed):], nil)
	switch {
	case errors.Is(err, zstd.ErrDecoderSizeExceeded):
		return nil, fmt.Errorf("%w: more than %d bytes when it is unpacked", ErrTooLarge, job.MaxCode)
	case err != nil:
		return nil, fmt.Errorf("%w: it can't be unpacked: %w", ErrMalformed, err)
	}
	return module, nil
}

// Prepare puts into a directory what Open needs. An error is ErrTooLarge or ErrMalformed, of the code, or of this
// machine.
func Prepare(ctx context.Context, code []byte, dir string) error {
	module, err := Unpack(code)
	if err != nil {
		return err
	}
	if module, err = meter.Prepare(module, Imports(), meter.Default); err != nil {
		return err
	}
	if err := os.WriteFile(filepath.Join(dir, moduleFile), module, 0o600); err != nil {
		return err
	}
	m, err := compile(ctx, engine(), module, dir)
	if err == nil {
		return m.Close(ctx)
	}
	if m, plain := compile(ctx, engine(), module, ""); plain == nil { // it wasn't the code's fault
		return errors.Join(err, m.Close(ctx))
	}
	return fmt.Errorf("%w: %w", ErrMalformed, err)
}

// engine makes instructions of this machine out of code: an interpreter would take fifty times as long.
func engine() wazero.RuntimeConfig { return wazero.NewRuntimeConfigCompiler() }

// Machine holds one code, ready to run.
type Machine struct {
	runtime wazero.Runtime
	code    wazero.CompiledModule
	world   *world
	fuel    int64 // that a run has
}

// Open reads prepared code. An error says that the directory doesn't hold what this machine can run.
func Open(ctx context.Context, dir string) (*Machine, error) {
	module, err := os.ReadFile(filepath.Join(dir, moduleFile))
	if err != nil {
		return nil, err
	}
	return compile(ctx, engine(), module, dir)
}

// compile makes a machine of a module. What it compiles, it keeps in the directory, if there is one, and finds there.
func compile(ctx context.Context, cfg wazero.RuntimeConfig, module []byte, dir string) (*Machine, error) {
	cfg = cfg.WithCoreFeatures(features).WithMemoryLimitPages(meter.Default.Pages)
	if dir != "" {
		cache, err := wazero.NewCompilationCacheWithDir(dir)
		if err != nil {
			return nil, err
		}
		cfg = cfg.WithCompilationCache(cache)
	}
	m := &Machine{runtime: wazero.NewRuntimeWithConfig(ctx, cfg), fuel: meter.Default.Fuel}
	err := provide(ctx, m.runtime, func() *world { return m.world })
	if err == nil {
		m.code, err = m.runtime.CompileModule(ctx, module)
	}
	if err != nil {
		return nil, errors.Join(err, m.runtime.Close(ctx))
	}
	return m, nil
}

// Close gives the code's memory back.
func (m *Machine) Close(ctx context.Context) error { return m.runtime.Close(ctx) }

// What a run may end with, beside what wazero says.
var (
	errExhausted = errors.New("the code has used up its fuel")
	errReturn    = errors.New("the code returned what isn't in its memory, or is too long")
	errDeclined  = errors.New("the code judges it invalid")
)

// Run has the code judge what the parameters say, in an instance of its own.
func (m *Machine) Run(ctx context.Context, params []byte) job.Answer {
	m.world = newWorld()
	ctx = experimental.WithMemoryAllocator(ctx, experimental.MemoryAllocatorFunc(allocate))
	mod, err := m.runtime.InstantiateModule(ctx, m.code, wazero.NewModuleConfig().WithName("").WithStartFunctions())
	if err != nil {
		return job.Answer{Kind: job.Trapped, Body: m.detail(err)}
	}
	defer mod.Close(ctx)
	out, err := judge(ctx, mod, params)
	left := int64(mod.ExportedGlobal(meter.FuelExport).Get())
	stack := int32(mod.ExportedGlobal(meter.StackExport).Get())
	a := job.Answer{Kind: job.Returned, Fuel: uint64(m.fuel - left), Body: out}
	switch {
	case left < 0:
		a.Kind, a.Body = job.Exhausted, m.detail(errExhausted)
	case stack < 0:
		a.Kind, a.Body = job.Trapped, m.detail(errors.New("the code has used up its stack"))
	case errors.Is(err, errReturn):
		a.Kind, a.Body = job.BadReturn, m.detail(err)
	case errors.Is(err, errDeclined):
		a.Kind, a.Body = job.Declined, m.detail(err)
	case err != nil:
		a.Kind, a.Body = job.Trapped, m.detail(trap(err))
	}
	return a
}

// judge calls what the code exports, in order. The outputs are the caller's.
func judge(ctx context.Context, mod api.Module, params []byte) ([]byte, error) {
	if start := mod.ExportedFunction("_initialize"); start != nil {
		if _, err := start.Call(ctx); err != nil {
			return nil, err
		}
	}
	room, err := mod.ExportedFunction("reeve_alloc").Call(ctx, uint64(len(params)))
	if err != nil {
		return nil, err
	}
	if !mod.Memory().Write(uint32(room[0]), params) {
		return nil, errReturn
	}
	result, err := mod.ExportedFunction("validate_block").Call(ctx, room[0], uint64(len(params)))
	if err != nil {
		return nil, err
	}
	at, size := uint32(result[0]>>32), uint32(result[0])
	out, ok := mod.Memory().Read(at, size)
	switch {
	case result[0] == 0:
		return nil, errDeclined
	case !ok || size > candidate.MaxCommitments:
		return nil, errReturn
	}
	return append([]byte(nil), out...), nil
}

// trap says how the code ended. What is no way for code to end is a fault in the sandbox itself, and ends the worker:
// it must not be taken for a judgement.
func trap(err error) error {
	if exit, ok := errors.AsType[*sys.ExitError](err); ok {
		return fmt.Errorf("the code ended itself with %d", exit.ExitCode())
	}
	text, _, _ := strings.Cut(err.Error(), "\n")
	if !strings.HasPrefix(text, "wasm error: ") || strings.Contains(text, "stack overflow") {
		panic("the sandbox failed: " + text)
	}
	return errors.New(text)
}

// detail is what people are told: how it ended, and the last that the code wrote.
func (m *Machine) detail(err error) []byte {
	text := err.Error()
	if len(m.world.said) > 0 {
		text = fmt.Sprintf("%s; it said %q", text, m.world.said)
	}
	return []byte(text[:min(len(text), job.MostDetail)])
}
