package sandbox

import (
	"syscall"
	"testing"

	"github.com/tetratelabs/wazero"

	"github.com/reevenet/reeve/services/candidatevalidation/meter"
	"github.com/reevenet/reeve/services/candidatevalidation/wasmtest"
)

// BenchmarkAUnitOfFuel is how long the machine takes for a unit, of the kinds of code that are there to take long.
func BenchmarkAUnitOfFuel(b *testing.B) {
	limits := meter.Default
	limits.Fuel = 1 << 26
	for _, c := range wasmtest.Malicious() {
		if c.Want != wasmtest.Exhausted {
			continue
		}
		b.Run(c.Name, func(b *testing.B) {
			module, err := meter.Prepare(c.Code, Imports(), limits)
			if err != nil {
				b.Fatal(err)
			}
			m, err := compile(b.Context(), engine(), module, "")
			if err != nil {
				b.Fatal(err)
			}
			defer m.Close(b.Context())
			m.fuel = limits.Fuel
			before, fuel := cpu(b), uint64(0)
			for b.Loop() {
				fuel += m.Run(b.Context(), nil).Fuel
			}
			b.ReportMetric(float64(cpu(b)-before)/float64(fuel), "ns/unit")
		})
	}
}

// cpu is what this process has taken of the processor, in nanoseconds.
func cpu(b *testing.B) int64 {
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		b.Fatal(err)
	}
	return u.Utime.Nano() + u.Stime.Nano()
}

// BenchmarkEngines is what the two engines take, of the processor, to prepare code, to load what is prepared, and to
// run it on a block of 1 MiB.
func BenchmarkEngines(b *testing.B) {
	for language, code := range map[string][]byte{"C": wasmtest.Adder(b), "Go": wasmtest.Build(b, "examples/adder")} {
		params := sums(40, make([]uint64, 1<<17)...)
		b.Run(language+"/prepare", func(b *testing.B) {
			measure(b, func() { fatal(b, Prepare(b.Context(), code, b.TempDir())) })
		})
		dir := b.TempDir()
		fatal(b, Prepare(b.Context(), code, dir))
		b.Run(language+"/load", func(b *testing.B) {
			measure(b, func() {
				m, err := Open(b.Context(), dir)
				fatal(b, err)
				m.Close(b.Context())
			})
		})
		module, err := meter.Prepare(code, Imports(), meter.Default)
		fatal(b, err)
		for name, engine := range map[string]wazero.RuntimeConfig{"compiled": engine(),
			"interpreted": wazero.NewRuntimeConfigInterpreter()} {
			b.Run(language+"/"+name+"/start", func(b *testing.B) {
				measure(b, func() {
					m, err := compile(b.Context(), engine, module, "")
					fatal(b, err)
					m.Close(b.Context())
				})
			})
			m, err := compile(b.Context(), engine, module, "")
			fatal(b, err)
			for size, p := range map[string][]byte{"nothing": sums(40), "1MiB": params} {
				b.Run(language+"/"+name+"/run/"+size, func(b *testing.B) {
					measure(b, func() { m.Run(b.Context(), p) })
				})
			}
		}
	}
}

func measure(b *testing.B, f func()) {
	before, n := cpu(b), 0
	for b.Loop() {
		f()
		n++
	}
	b.ReportMetric(float64(cpu(b)-before)/float64(n)/1e6, "cpu-ms/op")
}

func fatal(b *testing.B, err error) {
	b.Helper()
	if err != nil {
		b.Fatal(err)
	}
}
