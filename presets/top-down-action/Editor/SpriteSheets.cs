using System;
using System.Linq;
using UnityEditor;
using UnityEngine;

namespace Spark.TopDownAction.Editor
{
    /// <summary>Finds sprites of a sheet by name.</summary>
    public static class SpriteSheets
    {
        /// <summary>Throws when the sheet or the sprite is missing: a scene with holes is worse than none.</summary>
        public static Sprite Find(string sheetPath, string spriteName)
        {
            Sprite sprite = AssetDatabase.LoadAllAssetsAtPath(sheetPath).OfType<Sprite>().FirstOrDefault(each => each.name == spriteName);
            return sprite != null ? sprite : throw new InvalidOperationException("No sprite '" + spriteName + "' in " + sheetPath + ".");
        }

        public static Sprite[] FindAll(string sheetPath, params string[] spriteNames)
        {
            return spriteNames.Select(name => Find(sheetPath, name)).ToArray();
        }
    }
}
