package devnet

import (
	"context"
	"slices"

	"github.com/reevenet/reeve/internal/process/errcode"
)

// Substitute runs another command of the program in the place of a part's process until ctx ends, and then the process
// itself again; begun is called once the other one runs. The command gets the arguments that tell a process which node
// and chain it belongs to. why is shown as the cause of the restarts. It is for drills.
func (n *Network) Substitute(ctx context.Context, name, which, why string, command []string, begun func()) error {
	v := n.running(name)
	if v == nil {
		return n.noSuchNode(name)
	}
	i := slices.IndexFunc(n.processes(name), func(p process) bool { return p.id == which && p.args[0] == partCommand })
	if i < 0 {
		return errcode.New(errcode.NoSuchProcess,
			"`reeve devnet status` lists them. A bundled node has no processes of its parts.",
			nil, "node %s has no process %s whose place another one can take", name, which)
	}
	own := n.processes(name)[i]
	if !n.claim(processName(name, which)) {
		return errcode.New(errcode.BadUsage, "Wait until that is over.", nil,
			"another process runs already in the place of %s of %s", which, name)
	}
	defer n.disclaim(processName(name, which))
	other := own
	other.args = slices.Concat(command, own.args[2:]) // without `run SUBSYSTEM`
	if err := n.group.Replace(ctx, n.spec(v, other), why); err != nil {
		return err
	}
	begun()
	<-ctx.Done()
	draining, cancel := context.WithTimeout(context.WithoutCancel(ctx), drainTimeout)
	defer cancel()
	if n.running(name) != v { // the node has been stopped meanwhile: it starts as it should
		return nil
	}
	return n.group.Replace(draining, n.spec(v, own), why+": it is over")
}

func (n *Network) claim(process string) bool {
	n.mu.Lock()
	defer n.mu.Unlock()
	free := !n.others[process]
	n.others[process] = true
	return free
}

func (n *Network) disclaim(process string) {
	n.mu.Lock()
	defer n.mu.Unlock()
	delete(n.others, process)
}
