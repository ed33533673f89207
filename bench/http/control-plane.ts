import { type ResourceInput, startControlPlane } from '@inmesh/control-plane';
import { argument, endWithParent, tellParent } from '../processes.ts';

// The embedded control plane in a process of its own: its work must not count as the client's.
const plane = await startControlPlane({ resources: argument<ResourceInput[]>() });
endWithParent();
tellParent({ address: plane.address });
