using UnityEditor;
using UnityEngine;

namespace Spark.VisualNovel.Editor
{
    /// <summary>Keeps every picture of this game (and of no other folder) sharp, small and compressed.</summary>
    public sealed class TextureImportSettings : AssetPostprocessor
    {
        private const string Folder = "Assets/Spark/VisualNovel/";
        private const int MaxSizePx = 1024;

        private void OnPreprocessTexture()
        {
            if (!assetPath.StartsWith(Folder, System.StringComparison.Ordinal)) return;
            var importer = (TextureImporter)assetImporter;
            importer.textureType = TextureImporterType.Sprite;
            importer.filterMode = FilterMode.Point;
            importer.mipmapEnabled = false;
            importer.wrapMode = TextureWrapMode.Clamp;
            importer.maxTextureSize = Mathf.Min(importer.maxTextureSize, MaxSizePx);
            // The art is drawn at four texture pixels a dot: one block of DXT or ASTC each, so compression costs nothing visible.
            importer.textureCompression = TextureImporterCompression.Compressed;
        }
    }
}
