package workers

import "github.com/reevenet/reeve/services/candidatevalidation"

// Open makes the workers of a node.
func Open(m candidatevalidation.Machine) (candidatevalidation.Workers, error) {
	return New(Config{Dir: m.Dir, Most: m.Workers, Memory: m.Memory, CPU: m.CPU, Cache: m.Cache, Log: m.Log})
}
