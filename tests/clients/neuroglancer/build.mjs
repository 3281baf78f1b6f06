// Bundles Neuroglancer, as npm has it, into `bundle/`: static files for the root of an origin, 5 MB, workers included.
import path from 'node:path';
import { rspack } from '@rspack/core';

const here = import.meta.dirname;
// The release takes its icons from a commit of `ikonate` that npm does not have; its 1.1.1 lacks these three, so they are drawn by us.
const missing = ['code-alt', 'controls-alt', 'layers'];
const compiler = rspack({
  mode: 'production',
  devtool: false,
  context: here,
  entry: './entry.mjs',
  output: { path: path.join(here, 'bundle'), clean: true },
  resolve: { alias: Object.fromEntries(missing.map((name) => [`ikonate/icons/${name}.svg`, path.join(here, 'icons', `${name}.svg`)])) },
  module: {
    rules: [
      { resourceQuery: /raw/, type: 'asset/source' },
      { test: /\.html$/, type: 'asset/resource' },
    ],
  },
  plugins: [new rspack.HtmlRspackPlugin({ title: 'Neuroglancer' })],
  experiments: { css: true },
  target: ['web', 'es2022'],
  performance: false,
});
compiler.run((why, stats) => {
  if (why ?? stats.hasErrors()) {
    console.error(why ?? stats.toString({ all: false, errors: true }));
    process.exitCode = 1;
  }
  compiler.close(() => {});
});
