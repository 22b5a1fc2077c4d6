/* NiiVue can read Zarr, whose compressors are a megabyte and a half of WebAssembly; no file of a study is one. */
export default {
    fromConfig(): never {
        throw new Error('Zarr images are not shown here');
    },
};
