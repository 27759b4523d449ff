package availabilitystore

import (
	"log/slog"

	"github.com/reevenet/reeve/internal/core/availability"
	"github.com/reevenet/reeve/internal/process/config"
	"github.com/reevenet/reeve/internal/process/genesis"
	"github.com/reevenet/reeve/overseer/part"
	"github.com/reevenet/reeve/overseer/subsystem"
)

// Open opens the disk in a directory.
type Open func(dir string, log *slog.Logger) (Disk, error)

const section = "availability"

// settings are the store's.
type settings struct {
	MaxMiB  int `koanf:"max-mib"`
	FreeMiB int `koanf:"min-free-mib"`
}

// Part is the store as a node runs it: with its own directory.
func Part(open Open) part.Part {
	return part.Part{
		Spec: Spec(Config{}),
		Build: func(n part.Node, _ genesis.Chain) (subsystem.Spec, error) {
			var s settings
			if err := n.Config.Section(section, &s); err != nil {
				return subsystem.Spec{}, err
			}
			relay, _ := n.Genesis.RelayChain()
			dir := n.Home.Data("availability")
			return Spec(Config{
				Chain: relay.Name, Open: func() (Disk, error) { return open(dir, n.Log) },
				Limits: availability.Limits{Bytes: int64(s.MaxMiB) << 20}, MinFree: uint64(s.FreeMiB) << 20,
			}), nil
		},
		Settings: config.Section{Name: section, Settings: []config.Setting{
			{Key: "max-mib", Default: 10 << 10, Usage: "MiB of candidates' data and chunks that are kept"},
			{Key: "min-free-mib", Default: 512, Usage: "MiB of the disk that stay free: below it nothing new is kept"},
		}},
		Host: true,
		Owns: "candidates' data and chunks, on disk until they are no longer needed",
	}
}
