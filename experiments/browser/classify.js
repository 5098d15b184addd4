import * as ort from "./node_modules/onnxruntime-web/dist/ort.wasm.bundle.min.mjs";

ort.env.wasm.numThreads = 1; // more would need the headers COOP and COEP

// Opens an exported model of one network: its folder, as an address. What is returned has the
// names of the classes, and a function from n faces of 48 × 48 gray pixels, a Uint8Array, to n rows
// of probabilities, a Float32Array.
export async function openModel(folder) {
  const manifest = await (await fetch(`${folder}/manifest.json`)).json();
  const [{ stored, exported }, ...others] = manifest.members;
  if (others.length || exported?.features.length || exported?.mirror)
    throw new Error("This page runs a single network that takes faces as they are.");
  const open = (entry) => entry && ort.InferenceSession.create(`${folder}/${entry.file}`);
  const network = await open(stored);
  const final = await open(manifest.final_estimator);
  const run = async (graph, ...tensor) => {
    const answers = await graph.run({ [graph.inputNames[0]]: new ort.Tensor(...tensor) });
    return answers[graph.outputNames[0]].data;
  };
  const classify = async (pixels, n) => {
    const found = await run(network, "uint8", pixels, [n, 48, 48]);
    if (!final) return found;
    const logarithms = found.map((p) => Math.log(Math.max(p, 1e-6)));
    return run(final, "float32", logarithms, [n, found.length / n]);
  };
  return { names: manifest.class_names, classify };
}
