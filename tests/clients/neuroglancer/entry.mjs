// The viewer as its own main page makes it; it stays reachable as `window.viewer`.
import 'neuroglancer';
import { setupDefaultViewer } from 'neuroglancer/unstable/ui/default_viewer_setup.js';

setupDefaultViewer();
