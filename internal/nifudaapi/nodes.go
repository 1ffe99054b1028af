package nifudaapi

import (
	"context"

	"github.com/nifuda/nifuda/internal/cluster"
	"github.com/nifuda/nifuda/internal/nifuda"
)

// Nodes are the processes of the installation. [cluster.Member] knows them.
type Nodes interface {
	// Nodes returns them in the order in which they started.
	Nodes(ctx context.Context) ([]cluster.Node, error)
}

// ListNodes implements [nifuda.Service]. The nodes are the operator's.
func (a *api) ListNodes(ctx context.Context, _ *nifuda.ListNodesRequest) (*nifuda.ListNodesResponse, error) {
	if err := a.authorize(ctx, "nifuda:ListNodes", "*", a.Home); err != nil {
		return nil, err
	}
	nodes, err := a.Nodes.Nodes(ctx)
	if err != nil {
		return nil, err
	}
	out := &nifuda.ListNodesResponse{Nodes: make([]nifuda.Node, len(nodes))}
	for i, n := range nodes {
		out.Nodes[i] = nifuda.Node{
			NodeId: n.ID, Host: n.Host, Role: n.Role, Version: n.Version,
			StartedAt: nifuda.Timestamp{Time: n.StartedAt}, SeenAt: nifuda.Timestamp{Time: n.SeenAt}, Works: n.Works,
		}
	}
	return out, nil
}
