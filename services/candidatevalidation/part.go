package candidatevalidation

import (
	"errors"
	"fmt"
	"log/slog"
	"time"

	"github.com/reevenet/reeve/internal/process/config"
	"github.com/reevenet/reeve/internal/process/genesis"
	"github.com/reevenet/reeve/internal/process/tuning"
	"github.com/reevenet/reeve/overseer/part"
	"github.com/reevenet/reeve/overseer/subsystem"
)

// Open makes the workers of a node.
type Open func(Machine) (Workers, error)

// Machine is what they get of it.
type Machine struct {
	// Dir is where prepared code is kept, and Cache how many bytes of it.
	Dir   string
	Cache int64
	// Workers is how many there are at most, Memory how much each may have in bytes.
	Workers int
	Memory  uint64
	// CPU is how much of the machine's time a run may take.
	CPU time.Duration
	Log *slog.Logger
}

// section is the name of the settings.
const section = "validation"

// settings are what a machine gives for validation. What code may do isn't here: that is the same on all machines.
type settings struct {
	Workers int           `koanf:"workers"`
	Memory  int           `koanf:"worker-memory-mib"`
	CPU     time.Duration `koanf:"cpu-limit"`
	Cache   int           `koanf:"cache-mib"`
	Waiting int           `koanf:"waiting"`
}

// Part is validation as a node runs it: with workers, and a directory for the code that they have prepared.
func Part(open Open) part.Part {
	return part.Part{
		Spec: Spec(Config{}),
		Host: true,
		Build: func(n part.Node, _ genesis.Chain) (subsystem.Spec, error) {
			cfg, err := configure(n, open)
			return Spec(cfg), err
		},
		Settings: config.Section{Name: section, Settings: []config.Setting{
			{Key: "workers", Default: 2, Usage: "processes that run validation code at a time"},
			{Key: "worker-memory-mib", Default: 1024, Usage: "private memory that each may have, in MiB"},
			{Key: "cpu-limit", Default: "2s",
				Usage: "processor's time after which a run is ended, and this node abstains, whatever the code is worth"},
			{Key: "cache-mib", Default: 1024, Usage: "prepared code that is kept on disk, in MiB"},
			{Key: "waiting", Default: 64, Usage: "candidates that may wait for a worker"},
		}},
		// It hashes proofs and passes them on; the work is done in other processes.
		Process: part.Process{Tuning: tuning.Profile{Threads: tuning.PerFourCores}},
		Owns:    "parachains' code: runs it in processes that can reach nothing, and says what it makes of candidates",
	}
}

// leastMemory is what a worker needs for a run that takes all that it may.
const leastMemory = 512

func configure(n part.Node, open Open) (Config, error) {
	var s settings
	if err := n.Config.Section(section, &s); err != nil {
		return Config{}, err
	}
	if min(s.Workers, s.Waiting, s.Cache) < 1 || s.CPU <= 0 {
		return Config{}, errors.New("validation.workers, waiting, cache-mib and cpu-limit are numbers above 0")
	}
	if s.Memory < leastMemory {
		return Config{}, fmt.Errorf("validation.worker-memory-mib is %d, and must be %d at least: "+
			"code may have memory that a worker couldn't give it", s.Memory, leastMemory)
	}
	runs, err := open(Machine{
		Dir: n.Home.Data("validation"), Cache: int64(s.Cache) << 20, Workers: s.Workers,
		Memory: uint64(s.Memory) << 20, CPU: s.CPU, Log: n.Log,
	})
	return Config{Runs: runs, Workers: s.Workers, Waiting: s.Waiting}, err
}
